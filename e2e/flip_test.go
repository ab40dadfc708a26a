//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// web is a blue-green service on a host-mode port of both workers.
const web = `
services:
  web:
    image: app:${V:-v1}
    ports: [{target: 8080, published: 8080, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "%s"}
      health: {path: /}
      timeout: 5m
`

func onPort(port int, haproxy string) string {
	return strings.ReplaceAll(fmt.Sprintf(web, haproxy), "published: 8080", "published: "+strconv.Itoa(port))
}

// Scenario a: flips and new versions under load lose no request, and after a flip nothing answers
// from the old color.
func TestFlipUnderLoad(t *testing.T) {
	t.Parallel()
	for port, haproxy := range map[int]string{8080: oldest, 8081: newest} {
		t.Run(strings.ReplaceAll(haproxy, ":", "-"), func(t *testing.T) {
			t.Parallel()
			flipUnderLoad(t, haproxy, port)
		})
	}
}

// offered is the load in requests/s, and enough how many requests must be made during the flips,
// however slow the machine is.
const (
	offered = 300
	enough  = 2000
)

func flipUnderLoad(t *testing.T, haproxy string, port int) {
	s := newStack(t, onPort(port, haproxy))
	s.up("v1")
	proxies := s.taskIDs("web")
	s.up("v2")
	s.same("web", proxies)
	colors := map[string]string{"blue": "v1", "green": "v2"}

	began := time.Now()
	l := s.load(port, load.Options{Workers: 24, Rate: offered, KeepAlive: 0.5, Post: 0.3})
	for i := range 10 {
		s.must("flip")
		flipped := time.Now()
		await(t, l, colors[s.active("web")])
		s.only(l.Since(flipped), colors[s.active("web")])
		if t.Failed() {
			t.Fatalf("flip %d", i)
		}
	}
	flipped := time.Now()
	s.same("web", proxies)
	for _, v := range []string{"v3", "v4"} {
		s.up(v)
		upped := time.Now()
		await(t, l, v)
		s.only(l.Since(upped), v)
	}
	s.same("web", proxies)
	st := l.Stop()
	s.zeroFailed(st)
	t.Logf("%.0f requests/s: %s", float64(st.Total)/time.Since(began).Seconds(), st)
	if flips := l.Between(began, flipped); flips.Total < enough {
		t.Errorf("only %d requests were made in %s of flips: the machine is too slow for this to show anything", flips.Total, flipped.Sub(began))
	}
}

// POSTs are neither lost nor sent twice: the apps count as many as the client sent.
func TestPostsCounted(t *testing.T) {
	t.Parallel()
	s := newStack(t, onPort(8085, newest))
	s.up("v1")
	s.up("v2")
	l := s.load(8085, load.Options{Workers: 16, Rate: 300, KeepAlive: 0.5, Post: 1})
	for range 6 {
		s.must("flip")
	}
	st := l.Stop()
	s.zeroFailed(st)
	counted := 0
	for range 2 { // both colors are warm: each is asked through the proxy
		counted += s.counted(8085, 2)
		s.must("flip")
	}
	if counted != st.Posts {
		t.Errorf("the apps counted %d POSTs, the client sent %d", counted, st.Posts)
	}
}

// counted asks all tasks of the active color, through a proxy on port, for their number of POSTs;
// balancing is round robin over n tasks.
func (s *stack) counted(port, n int) int {
	s.t.Helper()
	counts := map[string]int{}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // a kept connection would be waited for by `down`
	for len(counts) < n {
		resp, err := client.Get("http://" + target("n2", port) + "/count")
		if err != nil {
			s.t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		posts, err := strconv.Atoi(strings.TrimSpace(string(body)))
		if err != nil {
			s.t.Fatalf("/count answered %q", body)
		}
		counts[resp.Header.Get("X-Host")] = posts
	}
	sum := 0
	for _, c := range counts {
		sum += c
	}
	return sum
}

// await returns when a version has answered a request begun now, on every target.
func await(t *testing.T, l *load.Load, version string) {
	t.Helper()
	ctx, cancel := contextFor(t, patience)
	defer cancel()
	if err := l.Await(ctx, version); err != nil {
		t.Fatal(err)
	}
}
