//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// near is a service whose app runs on n2 and whose proxies run on n2 and n3.
const near = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8080, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "` + newest + `", deploy: {placement: {constraints: [node.role == worker]}}}
      health: {path: /, interval: 500ms}
      drain: 5s
      timeout: 60s
`

// Scenario j: a worker is cut from the network during a flip: the flip names it and stops nothing,
// and a rollback works for the others. Once the worker is back, its proxy follows, and the next
// command finds all in order.
func TestPartition(t *testing.T) {
	s := newStack(t, near)
	s.up("v1")
	s.up("v2")
	t.Cleanup(s.heal)
	l := s.load(8080, load.Options{Targets: []string{target("n2", 8080)}, Rate: 200, KeepAlive: 0.5})
	blue, green := s.taskIDs("web-blue"), s.taskIDs("web-green")

	to := s.idle("web")
	flip := s.start(nil, "flip", "--to", to)
	s.eventually("the flip is under way", func() bool { return s.service("web").Spec.Labels["bluegreen.next"] != "" || s.active("web") == to })
	if err := env.lab.Node("n3").Cut(); err != nil {
		t.Fatal(err)
	}
	r := result{code: flip.wait(), out: flip.out.String()}
	t.Logf("flip: exit %d\n%s", r.code, r.out)
	given := s.active("web") == to
	switch {
	case r.code == 0:
		t.Log("the flip was faster than the cut: both workers had confirmed")
	case given:
		s.exits(r, 4)
		fallthrough
	default:
		s.says(r, "n3")
	}
	s.same("web-blue", blue)
	s.same("web-green", green)

	s.backWithout("n3", l)
	s.same("web-blue", blue)
	s.same("web-green", green)
	s.zeroFailed(l.Stop())

	s.heal()
	s.must("flip", "--to", "green")
	s.settled(s.load(8080, load.Options{Rate: 200}), "v2")
}

// backWithout rolls back while the swarm calls a node Down: exit 4 names it, and the others follow
// all the same.
func (s *stack) backWithout(node string, others *load.Load) {
	s.t.Helper()
	ctx, cancel := contextFor(s.t, patience)
	defer cancel()
	if err := env.lab.Node(node).WaitState(ctx, "down"); err != nil {
		s.t.Fatal(err)
	}
	to := s.idle("web")
	r := s.exits(s.run("rollback"), 4)
	s.says(r, node)
	if s.active("web") != to {
		s.t.Errorf("the route is %s, want %s: the others were to follow", s.route("web"), to)
	}
	since := time.Now()
	await(s.t, others, s.versionOf(to))
	s.only(others.Since(since), s.versionOf(to))
}

// heal brings n3 back.
func (s *stack) heal() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := env.lab.Node("n3").Heal(); err != nil {
		s.t.Fatal(err)
	}
	if err := env.lab.WaitReady(ctx); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(patience); len(s.tasks("web")) < 2 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond) // between two looks
	}
}
