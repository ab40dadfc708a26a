//go:build e2e

package e2e

import (
	"context"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// near is a service whose app runs on n4 and whose proxies run on n4 and n5.
const near = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8080, mode: host}]
    deploy: {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n4]}, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "` + newest + `", deploy: {placement: {constraints: [node.role == worker]}}}
      health: {path: /, interval: 500ms}
      drain: 5s
      timeout: 5m
`

// Scenario j: a worker is cut from the network during a flip, or hangs: the flip names it and stops
// nothing, and a rollback works for the others. Once the worker is back, its proxy follows, and the
// next command finds all in order.
func (s *troubled) withoutWorker(lose, back func(*lab.Node) error) {
	n := s.lab.Node("n5")
	heal := func() {
		must(s.t, back(n))
		s.healed()
	}
	s.t.Cleanup(heal)
	blue, green := s.taskIDs("web-blue"), s.taskIDs("web-green")

	to := s.idle("web")
	flip := s.begins(s.versionOf(to), "flip", "--to", to)
	must(s.t, lose(n))
	r := result{code: flip.wait(), out: flip.out.String()}
	s.t.Logf("flip: exit %d\n%s", r.code, r.out)
	given := s.active("web") == to
	switch {
	case r.code == 0:
		s.t.Log("the flip was faster: both workers had confirmed")
	case given:
		s.exits(r, 4)
		fallthrough
	default:
		s.says(r, "n5")
	}
	s.same("web-blue", blue)
	s.same("web-green", green)

	s.backWithout("n5")
	s.same("web-blue", blue)
	s.same("web-green", green)

	heal()
	s.must("flip", "--to", to)
	s.settled(s.load(8080, load.Options{Rate: 50}), s.versionOf(to))
}

// backWithout rolls back while the swarm calls a node Down: exit 4 names it, and the others follow
// all the same.
func (s *troubled) backWithout(node string) {
	s.t.Helper()
	ctx, cancel := contextFor(s.t, patience)
	defer cancel()
	if err := s.lab.Node(node).WaitState(ctx, "down"); err != nil {
		s.t.Fatal(err)
	}
	to := s.idle("web")
	r := s.exits(s.run("rollback"), 4)
	s.says(r, node)
	if s.active("web") != to {
		s.t.Errorf("the route is %s, want %s: the others were to follow", s.route("web"), to)
	}
	since := time.Now()
	await(s.t, s.traffic, s.versionOf(to))
	s.only(s.traffic.Since(since), s.versionOf(to))
}

// healed waits until all nodes are back, and the proxies.
func (s *troubled) healed() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.lab.WaitReady(ctx); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("both proxies run", func() bool { return len(s.tasks("web")) == 2 })
}
