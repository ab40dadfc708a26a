//go:build e2e

package e2e

import (
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const weighed = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8798, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {promote: manual, canary: {}, health: {path: /}, drain: 5s, timeout: 5m, proxy: {image: "haproxy:newest"}}
`

// A release gets shares of the traffic, as large as asked for, and then all or none. A command that
// is killed, and an up of yet another release, lose no request and stop no color that has a share.
func TestCanary(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, weighed)
	s.up("v1")
	l := s.load(8798, load.Options{Rate: 300, KeepAlive: 0.5, Post: 0.3})
	s.says(s.up("v2"), "release 2 waits on green", "docker bluegreen canary 10 web")
	s.shares(l, "v2", 0)
	blue, green := s.taskIDs("web-blue"), s.taskIDs("web-green")
	for _, percent := range []string{"10", "50"} {
		s.says(s.must("canary", percent), "green gets "+percent+" % of the traffic: every proxy confirmed")
		s.shares(l, "v2", map[string]float64{"10": .1, "50": .5}[percent])
	}
	s.says(s.up("v2"), "release 2 on green gets 50 % of the traffic")
	s.same("web-blue", blue)
	s.same("web-green", green)

	p := s.start(nil, "canary", "20")
	s.eventually("the canary has begun", func() bool {
		return s.service("web").Spec.Labels["bluegreen.next"] != "" || s.route("web") != "3:blue:50"
	})
	p.end(syscall.SIGKILL)
	s.must("canary", "20")
	s.shares(l, "v2", .2)
	s.says(s.must("rollback"), "green gets 0 % of the traffic")
	s.shares(l, "v2", 0)
	s.says(s.must("promote"), "no release waits")

	s.must("canary", "30")
	s.says(s.up("v3"), "green gets 0 % of the traffic", "release 3 waits on green")
	s.settled(l, "v1")
	s.must("canary", "30")
	s.shares(l, "v3", .3)
	s.must("promote")
	s.settled(l, "v3")
	s.zeroFailed(l.Stop())
}

const stepped = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8799, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen:
      canary: {steps: [20, 60], every: "${EVERY:-20s}"}
      health: {path: /}
      drain: 5s
      timeout: 5m
      proxy: {image: "haproxy:newest"}
`

// An up gives a release its shares step by step, and then all. Another command comes in between,
// and the up ends within two seconds of it. One that is killed leaves the share, and the same up
// goes on.
func TestSteps(t *testing.T) {
	t.Parallel()
	s := newStack(t, stepped)
	s.up("v1")
	l := s.load(8799, load.Options{Rate: 300, KeepAlive: 0.5, Post: 0.3})
	p := s.start([]string{"V=v2"}, "up")
	for _, at := range []struct {
		says  string
		share float64
	}{{"20 % for 20s, then 60 %", .2}, {"60 % for 20s, then all", .6}} {
		s.eventually(at.says, func() bool { return strings.Contains(p.out.String(), at.says) })
		s.shares(l, "v2", at.share)
	}
	if code := p.wait(); code != 0 {
		t.Fatalf("the up with steps: %s", p)
	}
	s.settled(l, "v2")

	p = s.start([]string{"V=v3", "EVERY=1h"}, "up")
	s.eventually("the first step", func() bool { return strings.Contains(p.out.String(), "20 % for 1h0m0s") })
	s.must("rollback")
	began := time.Now()
	code := p.wait()
	t.Logf("the up ended %s after the rollback", time.Since(began).Round(10*time.Millisecond))
	s.says(result{out: p.out.String()}, "another command changed its route", "run `docker bluegreen up` again to go on")
	if code != 1 {
		t.Errorf("the up ended with %d", code)
	}
	s.settled(l, "v2")

	p = s.start([]string{"V=v3", "EVERY=1h"}, "up")
	s.eventually("the first step", func() bool { return strings.Contains(p.out.String(), "20 % for 1h0m0s") })
	p.end(syscall.SIGKILL)
	s.shares(l, "v3", .2)
	s.says(s.mustEnv([]string{"V=v3", "EVERY=1s"}, "up"), "release 3 on blue goes on from 20 % of the traffic")
	s.settled(l, "v3")
	s.zeroFailed(l.Stop())
}

// shares fails the test unless a version answers this share of the requests, and not one more than
// that if it is 0. A share that comes by chance once in a thousand times must come twice.
func (s *stack) shares(l *load.Load, version string, share float64) {
	s.t.Helper()
	const n = 1000
	for try := 1; ; try++ {
		st, err := l.AwaitRequests(s.t.Context(), n)
		must(s.t, err)
		hits, total := float64(st.Versions[version]), float64(st.Total)
		far := math.Abs(hits-share*total) / math.Sqrt(total*max(share*(1-share), 1e-9))
		s.t.Logf("%s answered %.1f %% of %d requests, asked for were %.0f %%", version, 100*hits/total, st.Total, 100*share)
		if far < 3.3 { // standard deviations
			return
		}
		if try == 2 || share == 0 {
			s.t.Errorf("%s answered %v of %d requests, want %.0f %%", version, hits, st.Total, 100*share)
			return
		}
	}
}
