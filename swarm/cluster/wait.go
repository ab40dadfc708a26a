package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// MaxFailures is how many tasks of one slot may fail until a wait ends.
const MaxFailures = 3

// Waiting is a wait for the tasks of one swarm service.
type Waiting struct {
	Service string // compose name
	Color   Color  // None for a plain service or a proxy
	Step    string // of the events
	Svc     *api.Service
	// Timeout is the longest time without progress.
	Timeout time.Duration
}

// Await returns when all tasks of the service run, with them. A task of a service with a
// healthcheck runs only when it is healthy. Only tasks of the current spec count. The error is an
// *UnhealthyError, unless ctx ended.
func (cl *Cluster) Await(ctx context.Context, rec *Record, w Waiting) ([]api.Task, error) {
	best, last := map[string]int{}, time.Now()
	shown := -1
	for look := cl.Now(); ; look = cl.Next() {
		tasks, err := look.CurrentTasks(ctx, w.Svc.ID)
		if err != nil {
			return nil, err
		}
		running, want := RunningTasks(tasks), WantedTasks(w.Svc.Spec, tasks)
		if len(running) == want && (want > 0 || IsStopped(w.Svc.Spec)) {
			cl.Done(w.Service, w.Step, "%d of %d tasks ready", want, want)
			return running, nil
		}
		if len(running) != shown {
			shown = len(running)
			cl.Working(w.Service, w.Step, "%d of %d tasks ready", shown, want)
		}
		if failed := Failures(w.Svc, tasks); len(failed) > 0 {
			return nil, cl.Unhealthy(ctx, rec, w, SlotFailed(len(failed)), failed)
		}
		if Advanced(best, tasks) {
			last = time.Now()
		} else if time.Since(last) > w.Timeout {
			return nil, cl.Unhealthy(ctx, rec, w, fmt.Sprintf("no progress for %s: %d of %d tasks are ready", w.Timeout, len(running), want), Newest(tasks))
		}
	}
}

// steadyTime is how long tasks must have run until we believe it: a container that ends with 0 when
// its healthcheck fails is called running for a blink (moby,
// daemon/cluster/executor/container/controller.go, Start).
const steadyTime = time.Second

// AwaitSteady is await for services that no proxy checks.
func (cl *Cluster) AwaitSteady(ctx context.Context, rec *Record, w Waiting) error {
	for {
		tasks, err := cl.Await(ctx, rec, w)
		if err != nil {
			return err
		}
		for since := time.Now(); ; {
			now, err := cl.Next().CurrentTasks(ctx, w.Svc.ID)
			if err != nil {
				return err
			}
			if !slices.Equal(TaskIDs(RunningTasks(now)), TaskIDs(tasks)) {
				break
			}
			if time.Since(since) >= steadyTime {
				return nil
			}
		}
	}
}

// RunningTasks are those of tasks that run and are wanted.
func RunningTasks(tasks []api.Task) []api.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
		return !Wanted(t) || t.Status.State != api.TaskStateRunning
	})
}

// WantedTasks is how many tasks should run: for a global service as many as the swarm has made.
func WantedTasks(spec api.ServiceSpec, tasks []api.Task) int {
	if r := Replicas(spec); r != nil {
		return int(*r)
	}
	nodes := map[string]bool{}
	for _, t := range tasks {
		if Wanted(t) {
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

// Failures returns the failed tasks of a slot in which too many have failed since the service was
// updated, newest first; none as long as there is hope.
func Failures(svc *api.Service, tasks []api.Task) []api.Task {
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

// allowed is how many failures end the wait: as many as there can be when the policy makes no more
// tasks.
func allowed(p *api.RestartPolicy, failed []api.Task) int {
	switch {
	case p == nil:
		return MaxFailures
	case p.Condition == api.RestartPolicyConditionNone:
		return 1
	case p.Condition == api.RestartPolicyConditionOnFailure && failed[len(failed)-1].Status.State == api.TaskStateComplete:
		return 1
	case p.MaxAttempts != nil && *p.MaxAttempts > 0:
		return min(MaxFailures, int(*p.MaxAttempts)+1)
	}
	return MaxFailures
}

// Advanced says whether any slot has come further than ever before, and remembers how far. A new
// task in the place of a failed one begins again and so is no progress.
func Advanced(best map[string]int, tasks []api.Task) bool {
	progress := false
	for _, t := range tasks {
		if Ended(t) {
			continue
		}
		if state := StateRank(t.Status.State) + 1; state > best[slot(t)] {
			best[slot(t)], progress = state, true
		}
	}
	return progress
}

// Newest returns the newest task of each slot that does not run.
func Newest(tasks []api.Task) []api.Task {
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

// AwaitEnded returns when no task of the service has a container any more.
func (cl *Cluster) AwaitEnded(ctx context.Context, rec *Record, svc *api.Service, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("service %s: its tasks did not end within %s: see `docker service ps %s`",
		svc.Spec.Name, timeout, svc.Spec.Name))
	defer cancel()
	for look := cl.Now(); ; look = cl.Next() {
		tasks, err := look.Tasks(ctx, svc.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(tasks[svc.ID], func(t api.Task) bool { return Begun(t) && rec.Reachable(t.NodeID) }) {
			return nil
		}
	}
}
