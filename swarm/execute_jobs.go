package swarm

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// runJob runs a job whose spec did not change once more: Swarm does so when the service is written.
func (r *run) runJob(ctx context.Context, s Step) error {
	svc, err := r.rewrite(ctx, r.serviceOf(s), func(spec *api.ServiceSpec) error {
		spec.TaskTemplate.ForceUpdate++
		return nil
	})
	if err != nil {
		return err
	}
	r.seen.mu.Lock()
	r.seen.Plain[s.Service] = *svc
	r.seen.mu.Unlock()
	r.working(s.Service, "job", "runs again: %s", s.Cause)
	return nil
}

// awaitCompleted waits until a job has completed, with the same patience and the same errors as a wait for tasks to run.
func (r *run) awaitCompleted(ctx context.Context, w waiting) error {
	best, last, shown := map[string]int{}, time.Now(), -1
	for {
		tasks, err := r.jobTasks(ctx, w.Svc)
		if err != nil {
			return err
		}
		have, want := jobProgress(w.Svc.Spec, tasks)
		if have >= want && want > 0 {
			r.done(w.Service, w.Step, "completed")
			return nil
		}
		if have != shown {
			shown = have
			r.working(w.Service, w.Step, "%d of %d tasks completed", have, want)
		}
		lost := slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool { return t.Status.State == api.TaskStateComplete })
		if failed := failures(w.Svc, lost); len(failed) > 0 {
			return r.unhealthy(ctx, r.seen, w, fmt.Sprintf("it failed %d times", len(failed)), failed)
		}
		if advanced(best, tasks) {
			last = time.Now()
		} else if time.Since(last) > w.Timeout && !slices.ContainsFunc(tasks, func(t api.Task) bool { return t.Status.State == api.TaskStateRunning }) {
			return r.unhealthy(ctx, r.seen, w, fmt.Sprintf("no progress for %s: %d of %d tasks completed", w.Timeout, have, want), newest(lost))
		}
		if !r.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// jobTasks lists the tasks of a job's latest run.
func (o *Executor) jobTasks(ctx context.Context, svc *api.Service) ([]api.Task, error) {
	all, err := o.tasks(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	return latestRun(svc, all[svc.ID]), nil
}

func latestRun(svc *api.Service, tasks []api.Task) []api.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
		return svc.JobStatus == nil || t.JobIteration == nil || t.JobIteration.Index != svc.JobStatus.JobIteration.Index
	})
}

// jobProgress is how many tasks have completed, and how many must: of a global job as many as the swarm has made.
func jobProgress(spec api.ServiceSpec, tasks []api.Task) (have, want int) {
	nodes := map[string]bool{}
	for _, t := range tasks {
		nodes[t.NodeID] = true
		if t.Status.State == api.TaskStateComplete {
			have++
		}
	}
	if job := spec.Mode.ReplicatedJob; job != nil {
		return have, int(completions(job))
	}
	return have, len(nodes)
}

// awaitStarted waits until all tasks of a service have been started, healthy or not.
func (r *run) awaitStarted(ctx context.Context, s Step) error {
	svc := r.serviceOf(s)
	if svc == nil {
		return errVanished(s)
	}
	w := waiting{Service: s.Service, Step: "tasks", Svc: svc, Timeout: s.Timeout}
	for began := time.Now(); ; {
		tasks, err := r.currentTasks(ctx, svc.ID)
		if err != nil {
			return err
		}
		started := slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
			return !wanted(t) || order(t.Status.State) < order(api.TaskStateStarting)
		})
		if want := wantedTasks(svc.Spec, tasks); len(started) >= want && (want > 0 || isStopped(svc.Spec)) {
			r.done(s.Service, "tasks", "%d of %d tasks started", want, want)
			return nil
		}
		if failed := failures(svc, tasks); len(failed) > 0 {
			return r.unhealthy(ctx, r.seen, w, fmt.Sprintf("%d tasks of one slot failed", len(failed)), failed)
		}
		if time.Since(began) > s.Timeout {
			return r.unhealthy(ctx, r.seen, w, fmt.Sprintf("its tasks did not start within %s", s.Timeout), newest(tasks))
		}
		if !r.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

func errVanished(s Step) error {
	return fmt.Errorf("service %s: it vanished while the command ran: run the command again", s.Name)
}
