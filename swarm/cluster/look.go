package cluster

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Look reads tasks, nodes and services: at once, or with the next look that all waits share.
type Look struct {
	see func(ctx context.Context, k kind, services ...string) seen
}

// Now is a look at once. What decides about traffic looks so.
func (cl *Cluster) Now() Look {
	return Look{func(ctx context.Context, k kind, services ...string) seen { return cl.look(ctx, k, services) }}
}

// Next is the next look that all waits share. It begins after the call, and is the pause of a loop
// that waits.
func (cl *Cluster) Next() Look { return Look{cl.poll.next} }

// AllTasks lists the tasks of all services.
func (l Look) AllTasks(ctx context.Context) ([]api.Task, error) {
	s := l.see(ctx, allTasks)
	return s.tasks, s.err
}

// Tasks lists the tasks of services, by service id.
func (l Look) Tasks(ctx context.Context, services ...string) (map[string][]api.Task, error) {
	s := l.see(ctx, allTasks, services...)
	if s.err != nil {
		return nil, s.err
	}
	m := map[string][]api.Task{}
	for _, t := range s.tasks {
		m[t.ServiceID] = append(m[t.ServiceID], t)
	}
	return m, nil
}

// CurrentTasks lists the tasks that were made from the service's current spec.
func (l Look) CurrentTasks(ctx context.Context, service string) ([]api.Task, error) {
	s := l.see(ctx, currentTasks, service)
	return s.tasks, s.err
}

// Nodes lists the nodes of the swarm.
func (l Look) Nodes(ctx context.Context) ([]api.Node, error) {
	s := l.see(ctx, nodes)
	return s.nodes, s.err
}

// Service reads a service by its id.
func (l Look) Service(ctx context.Context, id string) (*api.Service, error) {
	s := l.see(ctx, services, id)
	switch {
	case s.err != nil:
		return nil, s.err
	case len(s.services) == 0:
		return nil, fmt.Errorf("service %s: somebody removed it while the command waited: run the command again", id)
	}
	return &s.services[0], nil
}

// look asks the engine.
func (cl *Cluster) look(ctx context.Context, k kind, ids []string) (s seen) {
	f := filters.NewArgs()
	switch k {
	case nodes:
		if s.nodes, s.err = cl.Engine.NodeList(ctx, api.NodeListOptions{}); s.err != nil {
			s.err = engine.ManagerError(s.err)
		}
		return s
	case services:
		for _, id := range ids {
			f.Add("id", id)
		}
		if s.services, s.err = cl.Engine.ServiceList(ctx, api.ServiceListOptions{Filters: f}); s.err != nil {
			s.err = fmt.Errorf("list services: %w", s.err)
		}
		return s
	}
	for _, id := range ids {
		f.Add("service", id)
	}
	if k == currentTasks {
		f.Add("_up-to-date", "true")
	}
	if s.tasks, s.err = cl.Engine.TaskList(ctx, api.TaskListOptions{Filters: f}); s.err != nil {
		s.err = fmt.Errorf("list tasks: %w", s.err)
	}
	return s
}
