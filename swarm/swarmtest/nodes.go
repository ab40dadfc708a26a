package swarmtest

import (
	"context"
	"slices"
	"time"

	"github.com/docker/docker/api/types/events"
	api "github.com/docker/docker/api/types/swarm"
)

// orphanTime is how long a node may be down until its tasks are given up.
const orphanTime = 24 * time.Hour

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

// isUp says whether a node can be reached.
func (s *Swarm) isUp(node string) bool {
	return s.reports(node) || s.isIn(node, api.NodeStateUnknown)
}

// reports says whether a node tells the manager what its tasks do.
func (s *Swarm) reports(node string) bool { return s.isIn(node, api.NodeStateReady) }

func (s *Swarm) isIn(node string, state api.NodeState) bool {
	return slices.ContainsFunc(s.nodes, func(n *api.Node) bool { return n.ID == node && n.Status.State == state })
}

// SetNode changes the state of a node, by its host name. What runs on a node that is down runs on,
// but nobody hears of it: tasks keep the state that they had. Others take the place of those of
// replicated services. A node that is ready again ends its tasks that are not wanted any more, and
// global services begin there anew. After a day without it they count as orphaned.
//
// When another manager has begun to lead, nodes are "unknown" until they report to it: they go on,
// but get no task, and what becomes of theirs is told later.
func (s *Swarm) SetNode(name string, state api.NodeState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setNode(name, func(n *api.Node) {
		n.Status.State = state
		if state != api.NodeStateDown {
			return
		}
		for _, t := range slices.Clone(s.tasks) {
			if t.NodeID == n.ID && wanted(t) {
				s.lose(t)
			}
		}
		version := n.Version
		time.AfterFunc(orphanTime, func() { s.orphan(n, version) })
	})
}

// SetAvailability drains, pauses or activates a node, by its host name. Tasks of replicated
// services leave a node that is drained, one of a global service begins on a node that is active.
func (s *Swarm) SetAvailability(name string, a api.NodeAvailability) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setNode(name, func(n *api.Node) {
		n.Spec.Availability = a
		for _, t := range slices.Clone(s.tasks) {
			if a == api.NodeAvailabilityDrain && t.NodeID == n.ID && wanted(t) {
				s.leave(t)
			}
		}
	})
}

func (s *Swarm) setNode(name string, change func(n *api.Node)) {
	for _, n := range s.nodes {
		if n.Description.Hostname == name {
			n.Meta = s.meta(n.Meta)
			change(n)
			s.emit(events.NodeEventType, events.ActionUpdate, n.ID, name)
		}
	}
	for _, svc := range s.services {
		if !isJob(svc.Spec) { // jobs do not look at nodes
			go s.reconcile(svc, svc.iteration)
		}
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
		s.await(func() bool { return ended(t) || !s.isUp(t.NodeID) })
		s.mu.Lock()
		defer s.mu.Unlock()
		s.allow(next)
	}()
}

// lose gives up a task whose node is down. A job waits for its own.
func (s *Swarm) lose(t *task) {
	switch {
	case isJob(t.service.Spec):
	case isGlobal(t.service.Spec):
		s.end(t, api.TaskStateShutdown)
	default:
		s.end(t, api.TaskStateShutdown)
		s.succeed(t)
	}
}

// orphan gives up the tasks of a node that has been down ever since it had a version.
func (s *Swarm) orphan(n *api.Node, version api.Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n.Version != version {
		return
	}
	for _, t := range slices.Clone(s.tasks) {
		if t.NodeID != n.ID || ended(t) || t.Status.State == api.TaskStatePending {
			continue
		}
		t.Status.State, t.Status.Timestamp, t.Meta = api.TaskStateOrphaned, time.Now(), s.meta(t.Meta)
		if !s.forget(t) && isJob(t.service.Spec) {
			s.restart(t)
		}
	}
	s.change()
}
