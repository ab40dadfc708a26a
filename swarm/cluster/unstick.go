package cluster

import (
	"context"

	api "github.com/docker/docker/api/types/swarm"
)

// Unstick gives new tasks to the slots of a replicated service that wait for a node.
//
// Swarm's scheduler forgets a waiting task whose service was written since, be it only a label: at
// its next try it takes the task for one of an old revision, and only a new leader looks at it
// again (swarmkit, manager/scheduler, noSuitableNode). Fewer replicas and then as many again
// replace just the slots that do not run.
func (cl *Cluster) Unstick(ctx context.Context, svc *api.Service) (*api.Service, error) {
	n := Replicas(svc.Spec)
	if n == nil {
		return svc, nil
	}
	tasks, err := cl.Now().Tasks(ctx, svc.ID)
	if err != nil {
		return svc, err
	}
	waiting := uint64(0)
	for _, t := range tasks[svc.ID] {
		if Wanted(t) && t.NodeID == "" && t.Status.State == api.TaskStatePending {
			waiting++
		}
	}
	if waiting == 0 || waiting >= *n {
		return svc, nil // with none running there is no telling which slots Swarm would take first
	}
	for _, number := range []uint64{*n - waiting, *n} {
		svc, err = cl.Rewrite(ctx, svc, func(spec *api.ServiceSpec) error {
			spec.Mode.Replicated.Replicas = &number
			return nil
		})
		if err != nil {
			return svc, err
		}
	}
	return svc, nil
}
