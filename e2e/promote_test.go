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
    ports: [{target: 8080, published: 8795, mode: host}, {target: 9080, published: 8796, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen:
      promote: manual
      preview: {port: 9080, header: "X-Preview: s3cret"}
      health: {path: /}
      drain: 5s
      timeout: 5m
      proxy: {image: "haproxy:newest"}
`

// previews are ways to ask for the idle color, and one that is not.
var previews = []struct {
	port   int
	header string
	idle   bool
}{
	{8796, "", true},
	{8795, "X-Preview: s3cret", true},
	{8795, "X-Preview: s3cret2", false},
}

// previewed fails the test unless the idle version answers those, and only those, who ask for it.
func (s *stack) previewed(active, idle string) {
	s.t.Helper()
	for _, p := range previews {
		want := map[bool]string{true: idle, false: active}[p.idle]
		l := s.load(p.port, load.Options{Header: p.header, Rate: 100, KeepAlive: 0.5, Post: 0.3})
		_, err := l.AwaitRequests(s.t.Context(), 100)
		must(s.t, err)
		st := l.Stop()
		s.zeroFailed(st)
		s.only(st, want)
	}
}

// With promote: manual a release is ready and has no traffic until promote, which may be killed and
// run again: traffic never goes back. Meanwhile those who ask for the idle color get it.
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
	s.says(s.up("v2"), "release 2 waits on green", "port 9080 of web or the header X-Preview")
	s.settled(l, "v1")
	s.previewed("v1", "v2")
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
	s.previewed("v2", "v1")
	s.must("rollback")
	s.says(s.must("promote"), "no release waits")
	s.settled(l, "v1")
	s.zeroFailed(l.Stop())
}
