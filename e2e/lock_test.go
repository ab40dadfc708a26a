//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// Scenario i: four commands at once take turns, lose no request and end consistent; the lock of a
// killed command is taken over at once.
func TestFourAtOnce(t *testing.T) {
	t.Parallel()
	s := newStack(t, quick(8087))
	s.up("v1")
	s.up("v2")
	l := s.load(8087, load.Options{Workers: 8, Rate: 100, KeepAlive: 0.5, Post: 0.3})
	locks := s.events(events.ConfigEventType, s.name+"-bluegreen-lock")
	var running []*process
	for _, command := range []string{"up", "up", "flip", "flip"} {
		running = append(running, s.start([]string{"V=v3"}, command))
	}
	for _, p := range running {
		if p.wait() != 0 {
			t.Errorf("%s", p)
		}
	}
	one := []string{"create", "remove"}
	if seen := locks(8); !slices.Equal(seen, slices.Repeat(one, 4)) {
		t.Errorf("the lock was taken and released as %v: the commands did not take turns", seen)
	}
	s.settled(l, s.versionOf(s.active("web")))

	s.killedOwner()
	s.settled(l, s.versionOf(s.active("web")))
	s.zeroFailed(l.Stop())
}

// killedOwner kills an up that holds the lock. A flip that does not wait at all gets it: its owner
// is known to be dead.
func (s *stack) killedOwner() {
	s.t.Helper()
	p := s.start([]string{"V=v4"}, "up")
	s.eventually("an up holds the lock", func() bool { return s.lock() != nil })
	p.end(syscall.SIGKILL)
	if s.lock() == nil {
		s.t.Fatalf("a killed up left no lock\n%s", p)
	}
	s.must("flip", "--lock-timeout", "0s")
}

// A lock whose owner is elsewhere is respected as long as it may live, and taken over when it has
// stood still for 30 s.
func TestLockElsewhere(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, "services: {one: {image: 'app:v1', deploy: {endpoint_mode: dnsrr}}}")
	s.up("v1")
	spec := swarm.ConfigSpec{Data: []byte("a lock"), Annotations: swarm.Annotations{Name: s.name + "-bluegreen-lock",
		Labels: map[string]string{
			"com.docker.stack.namespace": s.name + "-bluegreen", "bluegreen.stack": s.name, "bluegreen.role": "lock",
			"bluegreen.lock.owner": "eve@elsewhere (pid 7)", "bluegreen.lock.command": "docker bluegreen up",
			"bluegreen.lock.process": "another-boot pid:[1] 7 42", "bluegreen.lock.since": "2025-01-01T00:00:00Z", "bluegreen.lock.beat": "1",
		}}}
	if _, err := s.engine.ConfigCreate(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	var patient result
	wait.Go(func() { patient = s.run("up") })
	r := s.exits(s.run("up", "--lock-timeout", "1s"), 1)
	s.says(r, "eve@elsewhere", "docker bluegreen up")
	wait.Wait()
	s.exits(patient, 0)
	if waited := patient.ended.Sub(patient.began); waited < 30*time.Second {
		t.Errorf("a lock that may have had an owner was taken over after %s", waited)
	}
	s.nothingUnderWay()
}

// events records creates and removes of a kind of object by the beginning of its name. The function
// that it returns waits for a number of them.
func (s *stack) events(kind events.Type, prefix string) func(n int) []string {
	s.t.Helper()
	messages, errs := s.engine.Events(s.t.Context(), events.ListOptions{Filters: filters.NewArgs(filters.Arg("type", string(kind)), filters.Arg("type", string(events.ConfigEventType)))})
	var mu sync.Mutex
	var seen []string
	started, mark := make(chan struct{}), s.name+"-mark"
	go func() {
		for {
			select {
			case m := <-messages:
				if m.Actor.Attributes["name"] == mark {
					if m.Action == events.ActionCreate {
						mu.Lock()
						seen = nil
						mu.Unlock()
						close(started)
					}
					continue
				}
				if m.Type == kind && strings.HasPrefix(m.Actor.Attributes["name"], prefix) && m.Action != events.ActionUpdate {
					mu.Lock()
					seen = append(seen, string(m.Action))
					mu.Unlock()
				}
			case <-errs:
				return
			}
		}
	}()
	// The engine may be late with the events of what ended before: those before the mark are not ours.
	c, err := s.engine.ConfigCreate(s.t.Context(), swarm.ConfigSpec{Annotations: swarm.Annotations{Name: mark}, Data: []byte("a mark")})
	if err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-started:
	case <-time.After(patience):
		s.t.Fatal("the engine tells no events")
	}
	if err := s.engine.ConfigRemove(s.t.Context(), c.ID); err != nil {
		s.t.Fatal(err)
	}
	return func(n int) (all []string) {
		s.t.Helper()
		s.eventually(fmt.Sprintf("%d events of %s", n, prefix), func() bool {
			mu.Lock()
			defer mu.Unlock()
			all = slices.Clone(seen)
			return len(all) >= n
		})
		return all
	}
}
