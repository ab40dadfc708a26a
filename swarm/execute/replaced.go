package execute

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// awaitReplaced waits until no task of an earlier spec is wanted any more. Of a global service only
// the tasks that are made already are waited for before, so those that follow may still fail.
func (r *run) awaitReplaced(ctx context.Context, w cluster.Waiting) error {
	best, last := map[string]int{}, time.Now()
	for look := r.Now(); ; look = r.Next() {
		all, err := look.Tasks(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		current, err := look.CurrentTasks(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		now := cluster.TaskIDs(current)
		if !slices.ContainsFunc(all[w.Svc.ID], func(t api.Task) bool {
			return cluster.Wanted(t) && !cluster.Ended(t) && !slices.Contains(now, t.ID)
		}) {
			return nil
		}
		if failed := cluster.Failures(w.Svc, current); len(failed) > 0 {
			return r.Unhealthy(ctx, r.known, w, cluster.SlotFailed(len(failed)), failed)
		}
		if cluster.Advanced(best, current) {
			last = time.Now()
		} else if time.Since(last) > w.Timeout {
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("no progress for %s: earlier tasks still run", w.Timeout), cluster.Newest(current))
		}
	}
}

// proxiesLeft waits until the tasks that a service had before it became a plain one have ended.
// What runs on a node that does not answer may still be a proxy that sends to the colors.
func (r *run) proxiesLeft(ctx context.Context, svc api.Service) error {
	left, err := r.awaitFormer(ctx, svc, 0)
	if err != nil || len(left) == 0 {
		return err
	}
	return &cluster.UnconfirmedError{Service: strings.TrimPrefix(svc.Spec.Name, r.Stack+"_"), Proxies: r.placesOf(left, svc),
		After: "the colors run on. Bring the node back, or remove it with `docker node rm`. Then run `docker bluegreen up` again"}
}

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
