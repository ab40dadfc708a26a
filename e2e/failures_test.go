//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// impatient gives up on a version after a few seconds without progress.
const impatient = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8180, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen:
      proxy: {image: "haproxy:newest"}
      health: {path: /}
      timeout: 40s
      drain: 5s
`

// brokenVersion is one that can never serve.
type brokenVersion struct {
	image string
	args  []string // of up
	says  []string // what the message must say besides the service
	long  bool
}

// patient leaves it to three failures of a slot to end the wait.
var patient = []string{"--timeout", "2m"}

var broken = []brokenVersion{
	{"v2-exit", patient, []string{"exit code 3", "version v2 starts exit", "cannot connect to the database: giving up"}, false},
	{"missing", patient, []string{"rejected", "app:missing"}, true},
	{"v2-unhealthy", patient, []string{"healthcheck", "version v2 starts unhealthy"}, true},
	{"v2-refuse", nil, []string{"not ready in every proxy", "L4CON", "version v2 starts refuse"}, false},
}

// Scenario c: a version that exits, whose image is missing, that never gets healthy, or that is
// healthy for Docker but refuses connections ends the up with exit 3 and a message that names the
// cause. Traffic is untouched, and the way back still leads to the release before. A first version
// like that is removed again, with its proxies.
func TestBrokenVersions(t *testing.T) {
	t.Parallel()
	s := newStack(t, impatient)
	t.Run("first", func(t *testing.T) { long(t); s.in(t).brokenFirst() })
	s.up("v1", patient...)
	s.up("v3", patient...)
	l := s.load(8180, load.Options{Rate: 400, KeepAlive: 0.5, Post: 0.3})
	for _, b := range broken {
		t.Run(b.image, func(t *testing.T) {
			if b.long {
				long(t)
			}
			s.in(t).brokenNext(l, b)
		})
	}
	s.zeroFailed(l.Stop())
}

func (s *stack) brokenFirst() {
	refuse := broken[3]
	refuse.says = []string{"not all of its ports were open", "8080 nothing listens there", "version v2 starts refuse"}
	for _, b := range []brokenVersion{broken[0], refuse} {
		s.refuses(b)
		if left := s.objects(); len(left) > 0 {
			s.t.Errorf("%s: left are %v", b.image, left)
		}
	}
}

// brokenNext gives a version in the place of v1 while v3 serves.
func (s *stack) brokenNext(l *load.Load, b brokenVersion) {
	began, active, proxies := time.Now(), s.taskIDs("web-green"), s.taskIDs("web")
	s.refuses(b)
	s.same("web-green", active)
	s.same("web", proxies)
	s.only(l.Since(began), "v3")
	if got := s.service("web-blue").Spec.Labels["com.docker.stack.image"]; got != "app:v1" || len(s.tasks("web-blue")) != 2 {
		s.t.Errorf("the idle color holds %s in %d tasks, want its former release", got, len(s.tasks("web-blue")))
	}
	s.turn(l, "rollback", "v1")
	s.turn(l, "rollback", "v3")
}

// refuses runs up with the version, and checks how that ends: by itself, before we lose patience.
func (s *stack) refuses(b brokenVersion) {
	s.t.Helper()
	r := s.exits(s.runEnv([]string{"V=" + b.image}, append([]string{"up"}, b.args...)...), 3)
	s.says(r, append(slices.Clone(b.says), "service web", " on n")...)
}

// turn moves traffic by a command, and checks that the version answers from then on.
func (s *stack) turn(l *load.Load, command, version string) {
	s.t.Helper()
	s.must(command)
	turned := time.Now()
	await(s.t, l, version)
	s.only(l.Since(turned), version)
}
