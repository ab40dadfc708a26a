package swarm

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"
)

// maxFailures is how many tasks of one slot may fail until a wait ends.
const maxFailures = 3

// waiting is a wait for the tasks of one swarm service.
type waiting struct {
	Service string // compose name
	Color   Color  // None for a plain service or a proxy
	Step    string // of the events
	Svc     *api.Service
	// Timeout is the longest time without progress.
	Timeout time.Duration
}

// await returns when all tasks of the service run, with them. A task of a service with a healthcheck runs only
// when it is healthy. Only tasks of the current spec count. The error is an *UnhealthyError, unless ctx ended.
func (o *Cluster) await(ctx context.Context, s *Observed, w waiting) ([]api.Task, error) {
	best, last := map[string]int{}, time.Now()
	shown := -1
	for {
		tasks, err := o.currentTasks(ctx, w.Svc.ID)
		if err != nil {
			return nil, err
		}
		running, want := runningTasks(tasks), wantedTasks(w.Svc.Spec, tasks)
		if len(running) == want && (want > 0 || isStopped(w.Svc.Spec)) {
			o.done(w.Service, w.Step, "%d of %d tasks ready", want, want)
			return running, nil
		}
		if len(running) != shown {
			shown = len(running)
			o.working(w.Service, w.Step, "%d of %d tasks ready", shown, want)
		}
		if failed := failures(w.Svc, tasks); len(failed) > 0 {
			return nil, o.unhealthy(ctx, s, w, fmt.Sprintf("%d tasks of one slot failed", len(failed)), failed)
		}
		if advanced(best, tasks) {
			last = time.Now()
		} else if time.Since(last) > w.Timeout {
			return nil, o.unhealthy(ctx, s, w, fmt.Sprintf("no progress for %s: %d of %d tasks are ready", w.Timeout, len(running), want), newest(tasks))
		}
		if !o.pause(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

// steadyTime is how long tasks must have run until we believe it: a container that ends with 0 when its healthcheck
// fails is called running for a blink (moby, daemon/cluster/executor/container/controller.go, Start).
const steadyTime = time.Second

// awaitSteady is await for services that no proxy checks.
func (o *Cluster) awaitSteady(ctx context.Context, s *Observed, w waiting) error {
	for {
		tasks, err := o.await(ctx, s, w)
		if err != nil {
			return err
		}
		for since := time.Now(); ; {
			now, err := o.currentTasks(ctx, w.Svc.ID)
			if err != nil {
				return err
			}
			if !slices.Equal(ids(runningTasks(now)), ids(tasks)) {
				break
			}
			if time.Since(since) >= steadyTime {
				return nil
			}
			if !o.pause(ctx) {
				return context.Cause(ctx)
			}
		}
	}
}

// currentTasks lists the tasks that were made from the service's current spec.
func (o *Cluster) currentTasks(ctx context.Context, id string) ([]api.Task, error) {
	f := filters.NewArgs(filters.Arg("service", id), filters.Arg("_up-to-date", "true"))
	tasks, err := o.engine.TaskList(ctx, api.TaskListOptions{Filters: f})
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	return tasks, nil
}

func runningTasks(tasks []api.Task) []api.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
		return !wanted(t) || t.Status.State != api.TaskStateRunning
	})
}

// wantedTasks is how many tasks should run: for a global service as many as the swarm has made.
func wantedTasks(spec api.ServiceSpec, tasks []api.Task) int {
	if r := replicas(spec); r != nil {
		return int(*r)
	}
	nodes := map[string]bool{}
	for _, t := range tasks {
		if wanted(t) {
			nodes[t.NodeID] = true
		}
	}
	return len(nodes)
}

// slot is where a task stands: the number of a replica, or the node of a global service's task.
func slot(t api.Task) string {
	if t.Slot > 0 {
		return fmt.Sprint(t.Slot)
	}
	return t.NodeID
}

// failures returns the failed tasks of a slot in which too many have failed since the service was updated,
// newest first; none as long as there is hope.
func failures(svc *api.Service, tasks []api.Task) []api.Task {
	failed := map[string][]api.Task{}
	for _, t := range tasks {
		switch t.Status.State {
		case api.TaskStateFailed, api.TaskStateRejected, api.TaskStateComplete, api.TaskStateOrphaned:
			if !t.CreatedAt.Before(svc.UpdatedAt) {
				failed[slot(t)] = append(failed[slot(t)], t)
			}
		}
	}
	for _, list := range failed {
		if len(list) >= allowed(svc.Spec.TaskTemplate.RestartPolicy, list) {
			slices.SortFunc(list, func(a, b api.Task) int { return b.CreatedAt.Compare(a.CreatedAt) })
			return list
		}
	}
	return nil
}

// allowed is how many failures end the wait: as many as there can be when the policy makes no more tasks.
func allowed(p *api.RestartPolicy, failed []api.Task) int {
	switch {
	case p == nil:
		return maxFailures
	case p.Condition == api.RestartPolicyConditionNone:
		return 1
	case p.Condition == api.RestartPolicyConditionOnFailure && failed[len(failed)-1].Status.State == api.TaskStateComplete:
		return 1
	case p.MaxAttempts != nil && *p.MaxAttempts > 0:
		return min(maxFailures, int(*p.MaxAttempts)+1)
	}
	return maxFailures
}

// advanced says whether any slot has come further than ever before, and remembers how far. A new task in the
// place of a failed one begins again and so is no progress.
func advanced(best map[string]int, tasks []api.Task) bool {
	progress := false
	for _, t := range tasks {
		if ended(t) {
			continue
		}
		if state := order(t.Status.State) + 1; state > best[slot(t)] {
			best[slot(t)], progress = state, true
		}
	}
	return progress
}

// newest returns the newest task of each slot that does not run.
func newest(tasks []api.Task) []api.Task {
	last := map[string]api.Task{}
	for _, t := range tasks {
		if old, ok := last[slot(t)]; !ok || t.CreatedAt.After(old.CreatedAt) {
			last[slot(t)] = t
		}
	}
	var out []api.Task
	for _, t := range last {
		if t.Status.State != api.TaskStateRunning {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b api.Task) int { return a.Slot - b.Slot })
	return out
}

// awaitEnded returns when no task of the service has a container any more.
func (o *Cluster) awaitEnded(ctx context.Context, s *Observed, svc *api.Service, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("service %s: its tasks did not end within %s: see `docker service ps %s`",
		svc.Spec.Name, timeout, svc.Spec.Name))
	defer cancel()
	for {
		tasks, err := o.tasks(ctx, svc.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(tasks[svc.ID], func(t api.Task) bool { return begun(t) && s.reachable(t.NodeID) }) {
			return nil
		}
		if !o.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// reachable says whether a node was ready when we looked last; what runs on another cannot be waited for.
func (s *Observed) reachable(nodeID string) bool {
	return s.nodeOf(nodeID).Status.State == api.NodeStateReady
}
