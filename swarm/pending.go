package swarm

import (
	"context"

	api "github.com/docker/docker/api/types/swarm"
)

// unstick gives new tasks to the slots of a replicated service that wait for a node.
//
// Swarm's scheduler forgets a waiting task whose service was written since, be it only a label: at its next try
// it takes the task for one of an old revision, and only a new leader looks at it again (swarmkit, manager/scheduler,
// noSuitableNode). Fewer replicas and then as many again replace just the slots that do not run.
func (o *Cluster) unstick(ctx context.Context, svc *api.Service) (*api.Service, error) {
	n := replicas(svc.Spec)
	if n == nil {
		return svc, nil
	}
	tasks, err := o.tasks(ctx, svc.ID)
	if err != nil {
		return svc, err
	}
	waiting := uint64(0)
	for _, t := range tasks[svc.ID] {
		if wanted(t) && t.NodeID == "" && t.Status.State == api.TaskStatePending {
			waiting++
		}
	}
	if waiting == 0 || waiting >= *n {
		return svc, nil // with none running there is no telling which slots Swarm would take first
	}
	for _, number := range []uint64{*n - waiting, *n} {
		svc, err = o.rewrite(ctx, svc, func(spec *api.ServiceSpec) error {
			spec.Mode.Replicated.Replicas = &number
			return nil
		})
		if err != nil {
			return svc, err
		}
	}
	return svc, nil
}

// unstickMoved does so for the services that moves have written labels to.
func (o *Switch) unstickMoved(ctx context.Context, moves []move) error {
	for _, m := range moves {
		fresh, err := o.unstick(ctx, m.b.Proxy)
		if err != nil {
			return err
		}
		m.b.Proxy = fresh
		c := Color(m.to.Color)
		if m.b.Colors[c] == nil {
			continue
		}
		if m.b.Colors[c], err = o.unstick(ctx, m.b.Colors[c]); err != nil {
			return err
		}
	}
	return nil
}
