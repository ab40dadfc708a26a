//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// byHand is what a person does to a running stack, and what the next command makes of it.
type byHand struct {
	name string
	do   func(s *stack)
	// refused are commands that must say what is wrong instead of doing anything, with what they
	// must say.
	refused map[string][]string
	// repair is the command that repairs it.
	repair []string
	// outage says that what was done stops traffic until it is repaired.
	outage bool
}

var handwork = []byHand{
	{name: "active color scaled to 0", repair: []string{"up"}, outage: true,
		do: func(s *stack) {
			s.docker("service", "scale", "-d", s.color(active)+"=0")
			s.eventually("no task of it runs", func() bool { return len(s.tasks("web-"+s.active("web"))) == 0 })
		}},
	{name: "active color restarted", repair: []string{"flip"},
		do: func(s *stack) { s.docker("service", "update", "-d", "--force", s.color(active)) }},
	{name: "proxy container removed", repair: []string{"flip"}, outage: true,
		do: func(s *stack) {
			id := s.dockerOn("n3", "ps", "-q", "--filter", "label=com.docker.swarm.service.name="+s.name+"_web")
			s.dockerOn("n3", "rm", "-f", id)
		}},
	{name: "proxy service rolled back", repair: []string{"up"},
		do: func(s *stack) { s.docker("service", "rollback", "-d", s.name+"_web") }},
	{name: "an old route written down", repair: []string{"flip"},
		do: func(s *stack) {
			s.docker("service", "update", "-d", "--label-add", "bluegreen.alias.web=1:"+s.idle("web"), s.name+"_web")
			if st, code := s.status("--live"); code != 4 || len(st.Drift) != 2 {
				s.t.Errorf("status --live: exit %d, drift %v, want 4 and both proxies", code, st.Drift)
			}
		}},
	{name: "active color removed", repair: []string{"up"}, outage: true,
		do: func(s *stack) { s.docker("service", "rm", s.color(active)) }},
	{name: "proxy service removed", repair: []string{"up"}, refused: map[string][]string{"flip": {"docker bluegreen up"}}, outage: true,
		do: func(s *stack) { s.docker("service", "rm", s.name+"_web") }},
	{name: "proxies restarted", repair: []string{"flip"}, outage: true, // host-mode ports: each is stopped first
		do: func(s *stack) { s.docker("service", "update", "-d", "--force", s.name+"_web") }},
}

const (
	active = true
	idle   = false

	handPort = 8089
)

// What was changed by hand in between is understood by the next command: it repairs it, or says
// what is wrong and how to go on. What needs no real tasks and no traffic is tested in memory.
func TestByHand(t *testing.T) {
	t.Parallel()
	s := newStack(t, quick(handPort))
	s.up("v1")
	s.up("v2")
	for _, c := range handwork {
		if !t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) { s.in(t).handle(c) }) {
			break // the cases after it would begin with what it has left
		}
	}
}

// in is the stack as seen by a subtest.
func (s *stack) in(t *testing.T) *stack {
	other := *s
	other.t = t
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(other.artifacts())
		}
	})
	return &other
}

func (s *stack) handle(c byHand) {
	version := s.versionOf(s.active("web"))
	l := s.load(handPort, load.Options{Targets: []string{target("n2", handPort)}, Rate: 100, KeepAlive: 0.5})
	await(s.t, l, version)
	c.do(s)
	for command, words := range c.refused {
		s.says(s.exits(s.run(command), 1), words...)
	}
	s.mustEnv([]string{"V=" + version}, c.repair...)
	since := time.Now()
	version = s.versionOf(s.active("web"))
	s.steady()
	s.settled(l, version)
	s.only(l.Since(since), version)
	if st := l.Stop(); !c.outage {
		s.zeroFailed(st)
	}
}

// steady waits until all tasks of the stack run that should: nothing is on its way any more.
func (s *stack) steady() {
	s.t.Helper()
	s.eventually("all tasks of the stack run", func() bool {
		all, err := s.engine.ServiceList(s.t.Context(), swarm.ServiceListOptions{Status: true})
		if err != nil {
			s.t.Fatal(err)
		}
		return !slices.ContainsFunc(all, func(svc swarm.Service) bool {
			rolling := svc.UpdateStatus != nil && svc.UpdateStatus.State == swarm.UpdateStateUpdating
			return s.mine(svc.Spec.Labels) && (rolling || svc.ServiceStatus.RunningTasks != svc.ServiceStatus.DesiredTasks)
		})
	})
}

// color is the full name of the active or the idle color's service.
func (s *stack) color(which bool) string {
	s.t.Helper()
	if which == active {
		return s.name + "_web-" + s.active("web")
	}
	return s.name + "_web-" + s.idle("web")
}
