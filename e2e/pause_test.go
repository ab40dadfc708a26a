//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const paused = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8793, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {health: {path: /}, drain: 5s, timeout: 5m, maintenance: {page: ./maintenance.html}, proxy: {image: "haproxy:newest"}}
`

// page is what clients get in maintenance; to Swarm it must be no template.
const page = "<!doctype html>\n<p>{{ .Service.Name }} is back at ten, é</p>\n"

// In a pause requests wait and none is lost, also when the traffic moves meanwhile. In maintenance
// they get a message or the page, and still do when the proxies have been replaced.
func TestPause(t *testing.T) {
	t.Parallel()
	s := newStack(t, paused)
	must(t, os.WriteFile(filepath.Join(s.dir, "maintenance.html"), []byte(page), 0o600))
	s.up("v1")
	s.up("v2")
	l := s.load(8793, load.Options{Rate: 100, Workers: 64, KeepAlive: 0.5, Post: 0.3, Timeout: 2 * time.Minute})
	_, err := l.AwaitRequests(t.Context(), 100)
	must(t, err)
	s.says(s.must("pause", "--max", "4m"), "requests wait, each for 4m0s at most: every proxy confirmed")
	quiet := time.Now()
	s.must("flip")
	s.must("flip", "--to", "green")
	s.must("flip", "--to", "blue")
	if answered := l.Between(quiet, time.Now()); answered.Total > 0 {
		t.Errorf("in a pause %d requests were answered", answered.Total)
	}
	s.says(s.must("status"), "paused (blue)")
	s.says(s.must("resume"), "requests get to it: every proxy confirmed")
	s.settled(l, "v1")
	st := l.Stop()
	s.zeroFailed(st)
	t.Logf("the longest request took %s", st.Quantile(1).Round(10*time.Millisecond))

	refused := func(kind, text string) {
		t.Helper()
		for _, node := range []string{"n2", "n3"} {
			s.eventually("a proxy answers", func() bool {
				response, err := http.Get("http://" + s.target(node, 8793) + "/")
				if err != nil {
					return false // it is just replaced
				}
				defer response.Body.Close()
				body, err := io.ReadAll(response.Body)
				if err != nil {
					return false
				}
				got := fmt.Sprint(response.StatusCode, response.Header["Retry-After"], response.Header["Content-Type"], string(body))
				if want := "503 [1800] [" + kind + "; charset=utf-8]" + text; got != want {
					t.Errorf("in maintenance %s answers %q, want %q", node, got, want)
				}
				return true
			})
		}
	}
	s.says(s.must("maintenance", "--message", "Back at ten", "--retry-after", "30m"), "requests are refused, with status 503: every proxy confirmed")
	refused("text/plain", "Back at ten\n")
	s.says(s.must("maintenance", "--retry-after", "30m"), "requests are refused, with status 503: every proxy confirmed")
	refused("text/html", page)
	_, err = s.at.Docker(t.Context(), "service", "update", "--force", "--quiet", s.service("web").Spec.Name)
	must(t, err)
	refused("text/html", page)
	s.says(s.exits(s.run("resume", "web"), 1), "run `docker bluegreen live web` to end that")
	s.must("live")
	l = s.load(8793, load.Options{Rate: 100})
	s.settled(l, "v1")
	s.zeroFailed(l.Stop())
}
