package cluster

import (
	"context"
	"slices"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Swarm has no events for tasks, so what waits for tasks has to look again and again. All waits of
// a command share their looks: there are at most five a second, however many waits there are. When
// nothing has happened for a while there are two; an event of the swarm makes them five again.
const (
	lookFast = 200 * time.Millisecond
	lookSlow = 500 * time.Millisecond
	calm     = 1500 * time.Millisecond
)

// turns spaces looks. Each look takes one turn.
type turns struct {
	mu   sync.Mutex
	last time.Time
	// stirred is when something happened last, or when looks began after a while without any.
	stirred time.Time
	wake    chan struct{} // closed at the next event
}

// take waits for the next turn. It returns false when ctx has ended.
func (t *turns) take(ctx context.Context) bool {
	for {
		t.mu.Lock()
		now := time.Now()
		if now.Sub(t.last) > 2*lookSlow {
			t.stirred = now
		}
		at := t.last.Add(lookFast)
		if now.Sub(t.stirred) > calm {
			at = t.last.Add(lookSlow)
		}
		if !now.Before(at) {
			t.last = now
			t.mu.Unlock()
			return ctx.Err() == nil
		}
		wake := t.wake
		t.mu.Unlock()
		timer := time.NewTimer(at.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// stir tells that something has happened on the swarm.
func (t *turns) stir() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stirred = time.Now()
	close(t.wake)
	t.wake = make(chan struct{})
}

// kind is what a look asks for.
type kind int

const (
	allTasks     kind = iota // of services, by id; of all when none is named
	currentTasks             // those of the services' current specs
	nodes
	services // by id
)

// seen is what a look saw.
type seen struct {
	tasks    []api.Task
	nodes    []api.Node
	services []api.Service
	err      error
}

// asked is a request for a look.
type asked struct {
	kind     kind
	services []string
	answer   chan seen // of one place
}

// poller looks for all that wait.
type poller struct {
	turns turns
	look  func(ctx context.Context, k kind, services []string) seen

	mu      sync.Mutex
	pending []asked
	running bool
}

// next returns what the next look sees: it begins after the call. Requests of one kind share it.
func (p *poller) next(ctx context.Context, k kind, services ...string) seen {
	a := asked{kind: k, services: services, answer: make(chan seen, 1)}
	p.mu.Lock()
	p.pending = append(p.pending, a)
	if !p.running {
		p.running = true
		go p.run(context.WithoutCancel(ctx))
	}
	p.mu.Unlock()
	select {
	case s := <-a.answer:
		return s
	case <-ctx.Done():
		p.mu.Lock()
		defer p.mu.Unlock()
		p.pending = slices.DeleteFunc(p.pending, func(other asked) bool { return other.answer == a.answer })
		return seen{err: context.Cause(ctx)}
	}
}

// run looks as long as somebody waits.
func (p *poller) run(ctx context.Context) {
	for {
		p.turns.take(ctx)
		batch := p.batch()
		if len(batch) == 0 {
			return
		}
		services := union(batch)
		s := p.look(ctx, batch[0].kind, services)
		if s.err == nil || len(batch) == 1 || !engine.NotFound(s.err) {
			for _, a := range batch {
				a.answer <- s.of(a)
			}
			continue
		}
		for _, a := range batch { // one of them may ask for a service that is gone
			p.turns.take(ctx)
			a.answer <- p.look(ctx, a.kind, a.services).of(a)
		}
	}
}

// batch takes all requests of the kind that has waited longest.
func (p *poller) batch() []asked {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pending) == 0 {
		p.running = false
		return nil
	}
	var batch, rest []asked
	for _, a := range p.pending {
		if a.kind == p.pending[0].kind {
			batch = append(batch, a)
		} else {
			rest = append(rest, a)
		}
	}
	p.pending = rest
	return batch
}

// union are the services of several requests, none when one of them asks for all.
func union(batch []asked) []string {
	var all []string
	for _, a := range batch {
		if len(a.services) == 0 {
			return nil
		}
		all = append(all, a.services...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// of is the part of what was seen that a request asks for. Each gets lists of its own.
func (s seen) of(a asked) seen {
	s.nodes = slices.Clone(s.nodes)
	s.tasks = slices.DeleteFunc(slices.Clone(s.tasks), func(t api.Task) bool {
		return len(a.services) > 0 && !slices.Contains(a.services, t.ServiceID)
	})
	s.services = slices.DeleteFunc(slices.Clone(s.services), func(svc api.Service) bool { return !slices.Contains(a.services, svc.ID) })
	return s
}
