package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	f, shown := cl.follow(rec, w), -1
	for look := cl.Now(); ; look = cl.Next() {
		tasks, err := look.CurrentTasks(ctx, w.Svc.ID)
		if err != nil {
			return nil, err
		}
		running, want := RunningTasks(tasks), WantedTasks(w.Svc.Spec, tasks)
		if len(running) == want && (want > 0 || IsStopped(w.Svc.Spec)) {
			if err := f.checked(ctx, look); err != nil { // else the tasks are those of before
				return nil, err
			}
			cl.Done(w.Service, w.Step, "%d of %d tasks ready", want, want)
			return running, nil
		}
		if len(running) != shown {
			shown = len(running)
			cl.Working(w.Service, w.Step, "%d of %d tasks ready", shown, want)
		}
		if failed := Failures(w.Svc, tasks); len(failed) > 0 && !f.mayRollBack() {
			return nil, cl.Unhealthy(ctx, rec, w, SlotFailed(len(failed)), failed)
		}
		if err := f.progress(ctx, tasks, fmt.Sprintf("%d of %d tasks are ready", len(running), want)); err != nil {
			return nil, err
		}
		if err := f.goesOn(ctx, look, tasks); err != nil {
			return nil, err
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
		if failedSince(t, svc.UpdatedAt) {
			failed[slot(t)] = append(failed[slot(t)], t)
		}
	}
	for _, list := range failed {
		SortBy(list, func(a, b *api.Task) int { return b.CreatedAt.Compare(a.CreatedAt) })
		if len(list) >= allowed(svc.Spec.TaskTemplate.RestartPolicy, list) && !mayPass(svc, list[0]) {
			return list
		}
	}
	return nil
}

// leaving is how long a node may still have a network that was removed from the swarm. Until then
// it rejects tasks on a new network with the same addresses (moby#48069; seen on engine 28.5).
const leaving = 30 * time.Second

// mayPass says whether the node that rejected a task may take the next one, if there will be one.
func mayPass(svc *api.Service, newest api.Task) bool {
	p := svc.Spec.TaskTemplate.RestartPolicy
	endless := p == nil || p.Condition != api.RestartPolicyConditionNone && (p.MaxAttempts == nil || *p.MaxAttempts == 0)
	return endless && newest.Status.State == api.TaskStateRejected && strings.Contains(newest.Status.Err, "Pool overlaps with other one") &&
		newest.CreatedAt.Sub(svc.UpdatedAt) < leaving
}

// failedSince says whether a task was made after a time and has ended by itself.
func failedSince(t api.Task, made time.Time) bool {
	switch t.Status.State {
	case api.TaskStateFailed, api.TaskStateRejected, api.TaskStateComplete, api.TaskStateOrphaned:
		return !t.CreatedAt.Before(made)
	}
	return false
}

// allowed is how many failures end the wait: as many as there can be when the policy makes no more
// tasks. The failed tasks of a slot come newest first.
func allowed(p *api.RestartPolicy, failed []api.Task) int {
	switch {
	case p == nil:
		return MaxFailures
	case p.Condition == api.RestartPolicyConditionNone:
		return 1
	case p.Condition == api.RestartPolicyConditionOnFailure && failed[0].Status.State == api.TaskStateComplete:
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
	SortBy(out, func(a, b *api.Task) int { return a.Slot - b.Slot })
	return out
}

// AwaitEnded returns when no task of the service has a container any more.
func (cl *Cluster) AwaitEnded(ctx context.Context, rec *Record, svc *api.Service, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("service %s: its tasks did not end within %s: see `docker service ps %s`",
		svc.Spec.Name, timeout, svc.Spec.Name))
	defer cancel()
	var watch nodeWatch
	for look := cl.Now(); ; look = cl.Next() {
		tasks, err := look.Tasks(ctx, svc.ID)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(tasks[svc.ID], func(t api.Task) bool { return !Begun(t) })
		if on, err := watch.reachable(ctx, look, rec, left); err != nil || !on {
			return err
		}
	}
}

// nodesEvery is how often a wait for tasks to end looks whether their nodes answer.
const nodesEvery = 5 * time.Second

// nodeWatch looks at nodes now and then: one that goes down would be waited for for ever, and one
// that came back would not be waited for.
type nodeWatch struct{ last time.Time }

// reachable says whether any of the tasks is on a node that answers: nobody can wait for another.
func (w *nodeWatch) reachable(ctx context.Context, look Look, rec *Record, tasks []api.Task) (bool, error) {
	if len(tasks) == 0 {
		return false, nil
	}
	if time.Since(w.last) >= nodesEvery {
		if _, err := look.RefreshNodes(ctx, rec); err != nil {
			return false, err
		}
		w.last = time.Now()
	}
	return slices.ContainsFunc(tasks, func(t api.Task) bool { return rec.Reachable(t.NodeID) }), nil
}
