//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// numbered has a number of proxies instead of one on each node: while a node is drained, one of
// them is pending.
const numbered = `
services:
  web:
    image: app:${V:-v1}
    ports: [{target: 8080, published: 8080, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "haproxy:newest", deploy: {mode: replicated, replicas: 2}}
      health: {path: /}
      timeout: 5m
      drain: 5s
`

// Scenario b: proxies that are killed before a flip or after it, or are pending during it, come
// back on the new color: once flip has returned, no proxy answers from the old one.
//
// The port is a host-mode one, so that nothing listens on n5 while n5 has no proxy. What is refused
// there meanwhile is no failure of the flip; any failure on n4 is.
func lostProxies(t *testing.T, l *lab.Lab) {
	s := stackOn(t, l, numbered)
	s.up("v1")
	s.up("v2")
	s.delayRestarts("web", restartDelay)
	survivor := s.load(8080, load.Options{Targets: []string{s.target("n4", 8080)}, Rate: 300, KeepAlive: 0.5})
	struck := s.load(8080, load.Options{Targets: []string{s.target("n5", 8080)}, Rate: 300, KeepAlive: 0.5})
	in := func(t *testing.T) *losses { return &losses{stack: s.in(t), loads: []*load.Load{survivor, struck}} }

	for _, age := range []time.Duration{0, 3 * time.Second} {
		t.Run("killed "+age.String()+" before", func(t *testing.T) {
			p := in(t)
			p.killProxy()
			time.Sleep(age) // the age of the kill is what is being tested
			p.flip()
		})
	}
	t.Run("killed after", func(t *testing.T) {
		p := in(t)
		flipped, before := p.flip(), s.taskIDs("web")
		p.killProxy()
		p.eventually("another proxy runs", func() bool { return len(p.tasks("web")) == 2 && !slices.Equal(p.taskIDs("web"), before) })
		p.unmixed(flipped)
	})
	t.Run("pending", func(t *testing.T) { in(t).pending() })
	s.zeroFailed(survivor.Stop())
	t.Logf("n5: %s", struck.Stop())
}

// restartDelay is how long a proxy that was killed is held back. Its task is made at once, with the
// route as it was then; so it begins, after flips of about a second, with a route that is out of
// date.
const restartDelay = 4 * time.Second

// delayRestarts sets the restart delay of a service by hand, and waits until all its tasks have it.
func (s *stack) delayRestarts(name string, delay time.Duration) {
	s.t.Helper()
	svc := s.service(name)
	svc.Spec.TaskTemplate.RestartPolicy.Delay = &delay
	if _, err := s.engine.ServiceUpdate(s.t.Context(), svc.ID, svc.Version, svc.Spec, swarm.ServiceUpdateOptions{}); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("all tasks have the restart delay", func() bool {
		tasks := slices.DeleteFunc(s.tasks(name), func(t swarm.Task) bool { return *t.Spec.RestartPolicy.Delay != delay })
		return len(tasks) == 2
	})
}

// losses are flips of a stack that has lost a proxy on n5.
type losses struct {
	*stack
	loads []*load.Load
}

// killProxy kills the container of the proxy on n5, as a crash would.
func (p *losses) killProxy() {
	p.t.Helper()
	n, ctx := p.lab.Node("n5"), p.t.Context()
	id, err := n.Docker(ctx, "ps", "-q", "--filter", "label=com.docker.swarm.service.name="+p.name+"_web")
	if err != nil || id == "" || strings.Contains(id, "\n") {
		p.t.Fatalf("want one proxy on n5, found %q: %v", id, err)
	}
	if _, err := n.Docker(ctx, "kill", id); err != nil {
		p.t.Fatal(err)
	}
}

// flip flips, and checks what answers from then on.
func (p *losses) flip() (flipped time.Time) {
	p.t.Helper()
	p.must("flip")
	flipped = time.Now()
	p.unmixed(flipped)
	return flipped
}

// unmixed waits until every proxy has answered, and fails the test if any did from another color
// than the active one.
func (p *losses) unmixed(since time.Time) {
	p.t.Helper()
	version := map[string]string{"blue": "v1", "green": "v2"}[p.active("web")]
	for _, l := range p.loads {
		await(p.t, l, version)
		if st := l.Since(since); len(st.Versions) != 1 {
			p.t.Errorf("answers came from %v, want only %s\n%s", st.Versions, version, st)
		}
	}
}

// pending flips while the proxy of n5 has no node to run on. Its task was made before the flip, so
// the route that it starts with is the old one.
func (p *losses) pending() {
	p.offer("drain")
	defer p.offer("active")
	var flipped time.Time
	p.eventually("a proxy is pending during a flip", func() bool {
		p.eventually("a proxy is pending, and all replicas run on n4", func() bool {
			return p.waiting() && len(p.tasks("web-blue")) == 2 && len(p.tasks("web-green")) == 2
		})
		p.must("flip")
		flipped = time.Now()
		return p.waiting() // Swarm may have tried a node at that moment, and given it up
	})
	p.offer("active")
	p.unmixed(flipped)
}

// offer sets whether n5 takes tasks.
func (p *losses) offer(availability string) {
	p.t.Helper()
	if _, err := p.at.Docker(p.t.Context(), "node", "update", "--availability", availability, "n5"); err != nil {
		p.t.Fatal(err)
	}
}

// waiting says whether a proxy is wanted that no node can run.
func (p *losses) waiting() bool {
	list, err := p.engine.TaskList(p.t.Context(), swarm.TaskListOptions{
		Filters: filters.NewArgs(filters.Arg("service", p.name+"_web"), filters.Arg("desired-state", "running"))})
	if err != nil {
		p.t.Fatal(err)
	}
	return slices.ContainsFunc(list, func(t swarm.Task) bool { return t.Status.State == swarm.TaskStatePending })
}
