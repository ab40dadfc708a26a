package swarmtest

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
)

// ClientVersion is the newest version that commands know.
func (s *Swarm) ClientVersion() string { return "1.51" }

// Info is about the manager.
func (s *Swarm) Info(context.Context) (system.Info, error) { return system.Info{Name: "n1"}, nil }

// DistributionInspect knows no registry.
func (s *Swarm) DistributionInspect(context.Context, string, string) (registry.DistributionInspect, error) {
	return registry.DistributionInspect{}, errors.New("no registry")
}

// NodeList lists the nodes.
func (s *Swarm) NodeList(context.Context, api.NodeListOptions) ([]api.Node, error) {
	s.read("NodeList")
	defer s.mu.Unlock()
	var out []api.Node
	for _, n := range s.nodes {
		out = append(out, deep(*n))
	}
	return out, nil
}

// SetNode changes a node, by its host name, and what runs there.
func (s *Swarm) SetNode(name string, state api.NodeState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.Description.Hostname == name {
			n.Status.State = state
		}
	}
	s.change()
}

// SetAvailability drains, pauses or activates a node, by its host name. Tasks of replicated
// services leave a node that is drained, one of a global service begins on a node that is active.
func (s *Swarm) SetAvailability(name string, a api.NodeAvailability) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.Description.Hostname != name {
			continue
		}
		n.Spec.Availability, n.Meta = a, s.meta(n.Meta)
		s.emit(events.NodeEventType, events.ActionUpdate, n.ID, name)
		for _, t := range slices.Clone(s.tasks) {
			if a == api.NodeAvailabilityDrain && t.NodeID == n.ID && wanted(t) {
				s.leave(t)
			}
		}
	}
	for _, svc := range s.services {
		go s.reconcile(svc, svc.iteration)
	}
	s.change()
}

// leave moves a task away from its node: another takes its place when it has ended.
func (s *Swarm) leave(t *task) {
	if isGlobal(t.service.Spec) {
		s.end(t, api.TaskStateShutdown)
		return
	}
	next := s.start(t.service, t.place, api.TaskStateReady)
	s.end(t, api.TaskStateShutdown)
	go func() {
		s.await(func() bool { return ended(t) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.allow(next)
	}()
}

// Events sends what happens to services and nodes, until ctx ends.
func (s *Swarm) Events(ctx context.Context, o events.ListOptions) (<-chan events.Message, <-chan error) {
	s.read("Events")
	defer s.mu.Unlock()
	messages, failed := make(chan events.Message, 4096), make(chan error, 1)
	s.watchers[messages] = o.Filters
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, messages)
		failed <- ctx.Err()
	})
	return messages, failed
}

// emit tells watchers of an event; one that does not read loses it.
func (s *Swarm) emit(kind events.Type, action events.Action, id, name string) {
	m := events.Message{Type: kind, Action: action, Scope: "swarm", Actor: events.Actor{ID: id, Attributes: map[string]string{"name": name}}}
	for watcher := range maps.Keys(s.watchers) {
		if f := s.watchers[watcher]; f.Contains("type") && !f.ExactMatch("type", string(kind)) {
			continue
		}
		select {
		case watcher <- m:
		default:
		}
	}
}
