//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// callers is a blue-green service without published ports, and a plain one that calls it by its
// alias.
const callers = `
services:
  web:
    image: app:${V:-v1}
    expose: ["8080"]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "%s"}
      health: {path: /}
      timeout: 5m
  caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080/"}
    ports: [{target: 8080, published: 8790, mode: host}]
    deploy: {mode: global, endpoint_mode: dnsrr}
`

// seenByCallers are the counts of all callers, summed up; they start anew with reset.
func (s *stack) seenByCallers(reset bool) (ok, failed int, errors []string, last map[string]bool) {
	s.t.Helper()
	last = map[string]bool{}
	for _, node := range []string{"n2", "n3"} {
		url := "http://" + target(node, 8790) + "/stats"
		if reset {
			url += "?reset=1"
		}
		resp, err := http.Get(url)
		if err != nil {
			s.t.Fatal(err)
		}
		var st struct {
			OK, Failed int
			Errors     []string
			Last       string
		}
		if err := json.NewDecoder(resp.Body).Decode(&st); err != nil {
			s.t.Fatal(err)
		}
		resp.Body.Close()
		ok, failed, errors = ok+st.OK, failed+st.Failed, append(errors, st.Errors...)
		last[st.Last] = true
	}
	return ok, failed, errors, last
}

// Proxies that are replaced, by another image, another check or another port of the tasks, lose no
// request of other services.
func TestProxiesRoll(t *testing.T) {
	t.Parallel()
	s := newStack(t, fmt.Sprintf(callers, oldest))
	s.up("v1")
	id, before := s.service("web").ID, s.taskIDs("web")
	s.eventually("the callers get answers", func() bool {
		ok, failed, _, _ := s.seenByCallers(true)
		return ok > 0 && failed == 0
	})
	colors := s.taskIDs("web-blue")

	s.write(fmt.Sprintf(callers, newest))
	s.up("v1")
	s.write(strings.Replace(fmt.Sprintf(callers, newest), "path: /", "path: /count", 1))
	s.up("v1")
	s.eventually("the callers go on", func() bool { ok, _, _, _ := s.seenByCallers(false); return ok > 300 })
	ok, failed, errors, _ := s.seenByCallers(false)
	if failed > 0 {
		t.Errorf("%d of %d calls failed: %v", failed, ok+failed, errors)
	}
	if now := s.taskIDs("web"); len(now) != 2 || now[0] == before[0] || s.service("web").ID != id {
		t.Errorf("the proxies were not replaced in place: %v, before %v", now, before)
	}
	s.same("web-blue", colors)

	// The tasks of the next release listen on another port: who calls the former one gets to them, and
	// back.
	s.write(strings.Replace(fmt.Sprintf(callers, newest), `expose: ["8080"]`, `environment: {APP_PORTS: "9090"}
    expose: ["9090"]`, 1))
	for _, move := range []struct {
		version string
		run     func()
	}{{"v2", func() { s.up("v2") }}, {"v1", func() { s.must("rollback") }}} {
		s.seenByCallers(true)
		move.run()
		s.eventually("the callers get "+move.version, func() bool {
			_, _, _, last := s.seenByCallers(false)
			return len(last) == 1 && last[move.version]
		})
		if ok, failed, errors, _ := s.seenByCallers(false); failed > 0 {
			t.Errorf("%d of %d calls failed: %v", failed, ok+failed, errors)
		}
	}
}
