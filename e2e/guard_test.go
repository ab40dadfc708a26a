//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
	core "github.com/docker-bluegreen/docker-bluegreen/swarm"
)

const watched = `
x-bluegreen:
  guard: {bake: 20s, errors: 10%, requests: 20}
  drain: 5s
  timeout: 5m
  proxy: {image: "haproxy:newest"}
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms, APP_BAD: "${BAD:-0}"}
    ports: [{target: 8080, published: 8791, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {}
  api:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8792, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {}
`

// The proxies take the traffic back from a release that fails, with that of the release that came
// with it, within seconds: while the up waits, and when it is killed. A good release keeps it.
func TestGuard(t *testing.T) {
	t.Parallel()
	s := newStack(t, watched)
	s.up("v1")
	web := s.load(8791, load.Options{Rate: 200, KeepAlive: 0.5, Post: 0.3})
	api := s.load(8792, load.Options{Rate: 50, KeepAlive: 0.5, Post: 0.3})

	began := time.Now()
	told, address := receiver(t)
	r := s.exits(s.runEnv([]string{"V=v2", "BAD=50", "BLUEGREEN_NOTIFY=" + address + "/s3cret"}, "up"), 3)
	// Where the last proxy confirms later than the guard trips, the flip is over before it was done.
	if kinds := told(); !slices.Equal(slices.DeleteFunc(kinds, func(kind string) bool { return kind == "flipped" }), []string{"begun", "failed", "went back"}) {
		t.Errorf("told was %q", kinds)
	}
	s.nowhere("s3cret")
	s.says(r, "service web (green) lost its traffic again, its guard took it back", "requests to green failed within", "more than 10 %", "traffic of web is on blue again; green keeps release 2",
		"service api (green) lost its traffic again, its guard took it back: with service web: ")
	s.wentBack(web, began, "v1", "v2")
	s.settled(web, "v1")
	s.settled(api, "v1")
	s.zeroFailed(api.Since(began))
	st, _ := s.status()
	if route := serviceOf(st, "web").Route; !strings.Contains(route.TakenBack, "requests to green failed within") {
		t.Errorf("status says %+v", route)
	}
	s.says(s.must("rollback"), "its guard has taken the traffic back already")
	s.says(s.must("promote"), "no release waits")
	s.settled(web, "v1")

	began = time.Now()
	p := s.start([]string{"V=v3", "BAD=50"}, "up")
	s.eventually("the new release answers", func() bool { return web.Since(began).Failed > 0 })
	p.end(syscall.SIGKILL)
	s.eventually("the proxies are back", func() bool {
		st, _ := s.status("--live")
		proxies := serviceOf(st, "web").Proxies
		for _, proxy := range proxies {
			if proxy.Active != "blue" || proxy.TakenBack == "" {
				return false
			}
		}
		return len(proxies) > 0
	})
	s.wentBack(web, began, "v1", "v3")
	s.says(s.exits(s.run("wait"), 3), "service web (green) lost its traffic again")
	s.settled(web, "v1")
	s.settled(api, "v1")
	s.zeroFailed(api.Since(began))

	began = time.Now()
	s.says(s.up("v4"), "for 20s the proxies take it back if more than 10 % of the requests fail", "% failed", "the proxies do not watch green any more")
	if took := time.Since(began); took < 20*time.Second {
		t.Errorf("a release was watched for less than %s", took)
	}
	s.settled(web, "v4")
	s.zeroFailed(web.Since(began))
	s.says(s.up("v4"), "nothing to do")
	s.must("flip", "--to", "blue")
	s.settled(web, "v1")
	web.Stop()
	s.zeroFailed(api.Stop())
}

// receiver takes notifications; told are the kinds of those that have come, each once.
func receiver(t *testing.T) (told func() []string, address string) {
	var mu sync.Mutex
	kinds := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n struct{ Kind string }
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		kinds[n.Kind] = true
	}))
	t.Cleanup(server.Close)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Sorted(maps.Keys(kinds))
	}, server.URL
}

// nowhere fails the test if a word is anywhere in what the swarm holds of the stack.
func (s *stack) nowhere(word string) {
	s.t.Helper()
	ctx := s.t.Context()
	configs, err := s.engine.ConfigList(ctx, swarm.ConfigListOptions{})
	must(s.t, err)
	for _, v := range []any{s.services(), s.tasks("web"), configs} {
		text, err := json.Marshal(v)
		must(s.t, err)
		if bytes.Contains(text, []byte(word)) || bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString([]byte(word)))) {
			s.t.Errorf("the swarm holds %q in %.300s", word, text)
		}
	}
}

func serviceOf(st status, name string) core.ServiceStatus {
	for _, svc := range st.Services {
		if svc.Name == name {
			return svc
		}
	}
	return core.ServiceStatus{}
}

// wentBack fails the test unless a version gets all traffic again, failed requests are those that
// the bad version got, and they were over soon.
func (s *stack) wentBack(l *load.Load, began time.Time, good, bad string) {
	s.t.Helper()
	await(s.t, l, good)
	st := l.Since(began)
	if st.Failed == 0 || st.Versions[bad] == 0 {
		s.t.Fatalf("%s was not seen: %s", bad, st)
	}
	s.t.Logf("%s answered %d requests rightly and %d wrongly, within %s", bad, st.Versions[bad], st.Failed, st.Wrong.Round(time.Millisecond))
	for _, f := range st.Failures {
		if !strings.Contains(f.Err.Error(), "500") {
			s.t.Errorf("failed otherwise than by an answer of %s: %s", bad, f)
		}
	}
}
