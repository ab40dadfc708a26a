//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const tested = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8797, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {test: [smoke], verify: [check], health: {path: /}, drain: 5s, timeout: 5m, proxy: {image: "haproxy:newest"}}
  smoke:
    image: app:v1
    environment: {APP_EXPECT: "${EXPECT}", APP_LATE: "${LATE:-0s}"}
    deploy: {mode: replicated-job, endpoint_mode: dnsrr}
  check:
    image: app:v1
    environment: {APP_EXPECT: "${CHECK:-${EXPECT}}"}
    deploy: {mode: replicated-job, endpoint_mode: dnsrr}
`

// A release gets traffic only when its test has passed, which reaches it through the proxies. One
// that fails leaves traffic and the color as they were, and promote does not find it, nor one whose
// up was killed before the test had ended. One that fails once it has the traffic loses it.
func TestTestedRelease(t *testing.T) {
	t.Parallel()
	s := newStack(t, tested)
	up := func(version, expect string, args ...string) result {
		t.Helper()
		return s.runEnv([]string{"V=" + version, "EXPECT=" + expect}, append([]string{"up"}, args...)...)
	}
	fails := []string{"service web (blue) failed its test smoke", "exit code 4", "version v3 answered at http://web:9897, want v9",
		"-blue holds release 1 again", "traffic was not touched"}
	s.exits(up("v1", "v1"), 0)
	l := s.load(8797, load.Options{Rate: 200, KeepAlive: 0.5, Post: 0.3})
	s.says(s.exits(up("v2", "v2"), 0), "test smoke: completed")
	s.settled(l, "v2")
	began := time.Now()
	for _, args := range [][]string{nil, {"--no-flip"}} {
		s.says(s.exits(up("v3", "v9", args...), 3), fails...)
		s.says(s.must("promote"), "no release waits")
		if v := s.versionOf("blue"); v != "v1" {
			t.Errorf("blue holds %s, want v1", v)
		}
	}
	p := s.start([]string{"V=v3", "EXPECT=v3", "LATE=10m"}, "up", "--no-flip")
	s.eventually("the test runs", func() bool { return strings.Contains(p.out.String(), "test smoke: 0 of 1 tasks completed") })
	p.end(syscall.SIGKILL)
	s.says(s.must("promote"), "no release waits")
	s.settled(l, "v2")
	s.only(l.Since(began), "v2")

	p = s.start([]string{"V=v3", "EXPECT=v3", "LATE=10m"}, "up")
	s.eventually("the test runs", func() bool { return strings.Contains(p.out.String(), "test smoke: 0 of 1 tasks completed") })
	withdrawn := s.must("rollback")
	s.says(withdrawn, "while smoke tests release", "-blue holds release 1 again")
	if code := p.wait(); code != 1 || !strings.Contains(p.out.String(), "`docker bluegreen rollback` of ") {
		t.Errorf("the up ended with %d:\n%s", code, p.out)
	}
	s.settled(l, "v2")
	s.only(l.Since(began), "v2")

	r := s.exits(s.runEnv([]string{"V=v3", "EXPECT=v3", "CHECK=v9"}, "up"), 3)
	s.says(r, "test smoke: completed", "service web (blue) had the traffic and failed its test check", "exit code 4", "version v3 answered at http://web:8080, want v9",
		"traffic of web is back where it was before")
	t.Log(r.out)
	s.settled(l, "v2")

	s.says(s.exits(up("v3", "v3", "--no-flip"), 0), "test smoke: completed", " waits on blue")
	s.must("promote")
	s.settled(l, "v3")
	s.zeroFailed(l.Stop())
}
