package cluster

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Look reads tasks and nodes: at once, or with the next look that all waits share.
type Look struct {
	tasks func(ctx context.Context, k kind, services ...string) ([]api.Task, []api.Node, error)
}

// Now is a look at once. What decides about traffic looks so.
func (cl *Cluster) Now() Look {
	return Look{func(ctx context.Context, k kind, services ...string) ([]api.Task, []api.Node, error) {
		s := cl.look(ctx, k, services)
		return s.tasks, s.nodes, s.err
	}}
}

// Next is the next look that all waits share. It begins after the call, and is the pause of a loop
// that waits.
func (cl *Cluster) Next() Look { return Look{cl.poll.next} }

// AllTasks lists the tasks of all services.
func (l Look) AllTasks(ctx context.Context) ([]api.Task, error) {
	list, _, err := l.tasks(ctx, allTasks)
	return list, err
}

// Tasks lists the tasks of services, by service id.
func (l Look) Tasks(ctx context.Context, services ...string) (map[string][]api.Task, error) {
	list, _, err := l.tasks(ctx, allTasks, services...)
	if err != nil {
		return nil, err
	}
	m := map[string][]api.Task{}
	for _, t := range list {
		m[t.ServiceID] = append(m[t.ServiceID], t)
	}
	return m, nil
}

// CurrentTasks lists the tasks that were made from the service's current spec.
func (l Look) CurrentTasks(ctx context.Context, service string) ([]api.Task, error) {
	list, _, err := l.tasks(ctx, currentTasks, service)
	return list, err
}

// Nodes lists the nodes of the swarm.
func (l Look) Nodes(ctx context.Context) ([]api.Node, error) {
	_, list, err := l.tasks(ctx, nodes)
	return list, err
}

// look asks the engine.
func (cl *Cluster) look(ctx context.Context, k kind, services []string) (s seen) {
	if k == nodes {
		if s.nodes, s.err = cl.Engine.NodeList(ctx, api.NodeListOptions{}); s.err != nil {
			s.err = engine.ManagerError(s.err)
		}
		return s
	}
	f := filters.NewArgs()
	for _, id := range services {
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
