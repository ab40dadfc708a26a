//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const judged = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8795, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen:
      guard: {bake: 10m, window: 2s, prometheus: {queries: [{query: 'lost{color="{{.Color}}"}', max: 0.5}]}}
      health: {path: /}
      drain: 5s
      timeout: 5m
      proxy: {image: "haproxy:newest"}
`

// What Prometheus says takes the traffic back as well: no request fails, and a rollback after it
// does not go forward again. Its address, which holds a password, is nowhere on the swarm.
func TestJudged(t *testing.T) {
	t.Parallel()
	s := newStack(t, judged)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := "0"
		if user, password, ok := r.BasicAuth(); !ok || user != "ann" || password != "s3cret" {
			t.Error("it was asked without the password")
		}
		if r.FormValue("query") == `lost{color="green"}` && asked.Add(1) > 2 {
			value = "0.9"
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,%q]}]}}`, value)
	}))
	defer server.Close()
	s.says(s.exits(s.runEnv([]string{"V=v1"}, "up"), 1), "nobody says which server to ask", "BLUEGREEN_PROMETHEUS")
	s.vars = append(s.vars, "BLUEGREEN_PROMETHEUS="+strings.Replace(server.URL, "://", "://ann:s3cret@", 1))
	s.up("v1")
	l := s.load(8795, load.Options{Rate: 100, KeepAlive: 0.5, Post: 0.3})
	r := s.exits(s.runEnv([]string{"V=v2"}, "up"), 3)
	s.says(r, `its guard took it back: Prometheus says 0.9, more than 0.5, for lost{color="green"}`, "traffic of web is on blue again")
	s.settled(l, "v1")
	s.says(s.must("rollback"), "its guard has taken the traffic back already")
	s.settled(l, "v1")
	st := l.Stop()
	s.zeroFailed(st)
	if st.Versions["v2"] == 0 {
		t.Error("the release had no traffic")
	}
	s.nowhere("s3cret")
	s.says(s.must("history"), "taken back: Prometheus says 0.9")
}
