//go:build e2e

package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const manual = `
services:
  web:
    image: app:${V}
    ports: [{target: 8080, published: 8795, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {promote: manual, health: {path: /}, drain: 5s, timeout: 5m, proxy: {image: "haproxy:newest"}}
`

// With promote: manual a release is ready and has no traffic until promote, which may be killed and
// run again: traffic never goes back.
func TestPromote(t *testing.T) {
	t.Parallel()
	s := newStack(t, manual)
	s.up("v1")
	l := s.load(8795, load.Options{Rate: 200, KeepAlive: 0.5, Post: 0.3})
	began := time.Now()
	s.says(s.up("v2"), "release 2 waits on green", "docker bluegreen promote web")
	s.says(s.up("v2"), "release 2 waits on green", "docker bluegreen promote web")
	s.says(s.up("v1"), "release 2 waits no more") // the file says again what is active
	s.says(s.must("promote"), "no release waits")
	s.says(s.up("v2"), "release 2 waits on green")
	s.settled(l, "v1")
	s.only(l.Since(began), "v1")

	idle := s.taskIDs("web-green")
	p := s.start(nil, "promote")
	s.eventually("the promote has begun", func() bool { return s.service("web").Spec.Labels["bluegreen.next"] != "" || s.active("web") == "green" })
	p.end(syscall.SIGKILL)
	for range 3 {
		s.must("promote")
		s.settled(l, "v2")
	}
	s.same("web-green", idle)
	s.must("rollback")
	s.says(s.must("promote"), "no release waits")
	s.settled(l, "v1")
	s.zeroFailed(l.Stop())
}
