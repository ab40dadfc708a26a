package swarmtest

import (
	"maps"
	"slices"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
)

// Copy returns what makes swarms that hold the same as s does now, each in the bubble of its
// caller, who waits there until it is as late as in the bubble of s. It panics while anything goes
// on in s: what goes on cannot be copied.
func (s *Swarm) Copy() (another func() *Swarm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mustBeQuiet()
	now, kept := time.Now(), s.twin()
	return func() *Swarm {
		time.Sleep(time.Until(now))
		c := kept.twin()
		c.changed, c.watchers = make(chan struct{}), map[chan events.Message]filters.Args{}
		return c
	}
}

func (s *Swarm) mustBeQuiet() {
	for _, svc := range s.services {
		if svc.updating != nil {
			panic("service " + svc.Spec.Name + " is just updated")
		}
	}
	for _, t := range s.tasks {
		if !ended(t) && (t.Status.State != api.TaskStateRunning || !wanted(t) || isJob(t.service.Spec)) {
			panic("task " + t.ID + " of " + t.service.Spec.Name + " is " + string(t.Status.State))
		}
	}
}

// twin is a swarm of the same objects, without what belongs to a bubble.
func (s *Swarm) twin() *Swarm {
	c := &Swarm{Apps: maps.Clone(s.Apps), Default: s.Default, index: s.index, ids: s.ids, hosts: maps.Clone(s.hosts),
		networks: map[string]*network.Inspect{}, services: map[string]*service{}, configs: map[string]*api.Config{},
		secrets: map[string]*api.Secret{}, failures: maps.Clone(s.failures)}
	for _, n := range s.nodes {
		c.nodes = append(c.nodes, new(deep(*n)))
	}
	for id, n := range s.networks {
		c.networks[id] = new(deep(*n))
	}
	for id, x := range s.configs {
		c.configs[id] = new(deep(*x))
	}
	for id, x := range s.secrets {
		c.secrets[id] = new(deep(*x))
	}
	for id, svc := range s.services {
		c.services[id] = &service{Service: deep(svc.Service), iteration: svc.iteration, lines: slices.Clone(svc.lines), ended: svc.ended}
	}
	for _, t := range s.tasks {
		if c.services[t.ServiceID] == nil {
			continue // it has ended, and its service is gone
		}
		twin := *t
		twin.Task, twin.labels, twin.endpoint = deep(t.Task), maps.Clone(t.labels), deep(t.endpoint)
		twin.service, twin.update = c.services[t.ServiceID], nil
		if t.proxy != nil {
			twin.proxy = new(*t.proxy)
		}
		c.tasks = append(c.tasks, &twin)
	}
	return c
}
