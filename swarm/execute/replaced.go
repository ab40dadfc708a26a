package execute

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// awaitFormer waits until the tasks of earlier specs of a service have ended, at most as long as
// patience, 0 for as long as it takes. It returns those that have not, and those on nodes that do
// not answer.
func (r *run) awaitFormer(ctx context.Context, svc api.Service, patience time.Duration) ([]api.Task, error) {
	look := r.Now()
	for began := time.Now(); ; look = r.Next() {
		if _, err := look.RefreshNodes(ctx, r.known); err != nil {
			return nil, err
		}
		all, err := look.Tasks(ctx, svc.ID)
		if err != nil {
			return nil, err
		}
		current, err := look.CurrentTasks(ctx, svc.ID)
		if err != nil {
			return nil, err
		}
		now := cluster.TaskIDs(current)
		left := slices.DeleteFunc(all[svc.ID], func(t api.Task) bool {
			return cluster.Ended(t) || !cluster.Begun(t) || slices.Contains(now, t.ID)
		})
		late := patience > 0 && time.Since(began) >= patience
		if late || !slices.ContainsFunc(left, func(t api.Task) bool { return r.known.Reachable(t.NodeID) }) {
			return left, nil
		}
	}
}

// placesOf says which tasks run on which nodes.
func (r *run) placesOf(tasks []api.Task, svc api.Service) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, fmt.Sprintf("%s on %s", r.known.TaskName(t, svc.Spec.Name), r.known.NodeName(t.NodeID)))
	}
	return names
}
