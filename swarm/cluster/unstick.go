package cluster

import (
	"context"
	"errors"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"
)

// Unstick gives new tasks to the slots of a replicated service that wait for a node.
//
// Swarm's scheduler forgets a waiting task whose service was written since, be it only a label: at
// its next try it takes the task for one of an old revision, and only a new leader looks at it
// again (swarmkit, manager/scheduler, noSuitableNode). Fewer replicas and then as many again
// replace just the slots that do not run.
//
// A label says between both writes what the number was, so that a command that ends there does not
// leave fewer replicas for good: see Replenish.
func (cl *Cluster) Unstick(ctx context.Context, svc *api.Service) (*api.Service, error) {
	tasks, err := cl.Now().Tasks(ctx, svc.ID)
	if err != nil {
		return svc, err
	}
	return cl.UnstickWith(ctx, svc, tasks[svc.ID], nil)
}

// UnstickWith is Unstick for a service with these tasks, and its last write makes this change, too;
// nil is none. With a change there is always a write, and an *UnreadError says that the last one
// was carried out.
func (cl *Cluster) UnstickWith(ctx context.Context, svc *api.Service, tasks []api.Task, change func(*api.ServiceSpec)) (*api.Service, error) {
	fewer := fewerToUnstick(svc, tasks)
	if fewer == 0 && change == nil {
		return svc, nil
	}
	if fewer > 0 {
		var err error
		svc, err = cl.Rewrite(ctx, svc, func(spec *api.ServiceSpec) error {
			if spec.Labels == nil {
				spec.Labels = map[string]string{}
			}
			spec.Labels[LabelReduced] = fmt.Sprintf("%d of %d", fewer, *Replicas(svc.Spec))
			spec.Mode.Replicated.Replicas = &fewer
			return nil
		})
		var unread *UnreadError
		if errors.As(err, &unread) {
			err = unread.Err
		}
		if err != nil {
			return svc, err
		}
	}
	return cl.Rewrite(ctx, svc, func(spec *api.ServiceSpec) error {
		replenish(spec)
		if change != nil {
			change(spec)
		}
		return nil
	})
}

// Replenish gives a service the number of replicas that Unstick has reduced, unless somebody has
// changed it since.
func (cl *Cluster) Replenish(ctx context.Context, svc *api.Service) (*api.Service, error) {
	if svc.Spec.Labels[LabelReduced] == "" {
		return svc, nil
	}
	return cl.Rewrite(ctx, svc, func(spec *api.ServiceSpec) error { replenish(spec); return nil })
}

func replenish(spec *api.ServiceSpec) {
	var fewer, all uint64
	_, err := fmt.Sscanf(spec.Labels[LabelReduced], "%d of %d", &fewer, &all)
	if n := Replicas(*spec); err == nil && n != nil && *n == fewer {
		spec.Mode.Replicated.Replicas = &all
	}
	delete(spec.Labels, LabelReduced)
}

// fewerToUnstick is the number of replicas without those that wait for a node; 0 when none waits.
func fewerToUnstick(svc *api.Service, tasks []api.Task) uint64 {
	n := Replicas(svc.Spec)
	if n == nil {
		return 0
	}
	waiting := uint64(0)
	for _, t := range tasks {
		if Wanted(t) && t.NodeID == "" && t.Status.State == api.TaskStatePending {
			waiting++
		}
	}
	if waiting == 0 || waiting >= *n {
		return 0 // with none running there is no telling which slots Swarm would take first
	}
	return *n - waiting
}
