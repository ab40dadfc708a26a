package execute

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// runJob runs a job whose spec did not change once more: Swarm does so when the service is written.
func (r *run) runJob(ctx context.Context, s plan.Step) error {
	svc, err := r.Rewrite(ctx, r.serviceOf(s), func(spec *api.ServiceSpec) error {
		spec.TaskTemplate.ForceUpdate++
		return nil
	})
	if err != nil {
		return err
	}
	r.keep(s, svc)
	r.Working(s.Service, "job", "runs again: %s", s.Cause)
	return nil
}

// awaitCompleted waits until a job has completed, with the same patience and the same errors as a
// wait for tasks to run.
func (r *run) awaitCompleted(ctx context.Context, w cluster.Waiting) error {
	best, last, shown := map[string]int{}, time.Now(), -1
	for look := r.Now(); ; look = r.Next() {
		tasks, err := jobTasks(ctx, look, w.Svc)
		if err != nil {
			return err
		}
		have, want := JobProgress(w.Svc.Spec, tasks)
		if have >= want && want > 0 {
			r.Done(w.Service, w.Step, "completed")
			return nil
		}
		if have != shown {
			shown = have
			r.Working(w.Service, w.Step, "%d of %d tasks completed", have, want)
		}
		lost := slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool { return t.Status.State == api.TaskStateComplete })
		if failed := cluster.Failures(w.Svc, lost); len(failed) > 0 {
			return r.Unhealthy(ctx, r.known, w, cluster.SlotFailed(len(failed)), failed)
		}
		if cluster.Advanced(best, tasks) {
			last = time.Now()
		} else if time.Since(last) > w.Timeout && !slices.ContainsFunc(tasks, func(t api.Task) bool { return t.Status.State == api.TaskStateRunning }) {
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("no progress for %s: %d of %d tasks completed", w.Timeout, have, want), cluster.Newest(lost))
		}
	}
}

// jobTasks lists the tasks of a job's latest run.
func jobTasks(ctx context.Context, look cluster.Look, svc *api.Service) ([]api.Task, error) {
	all, err := look.Tasks(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	return LatestRun(svc, all[svc.ID]), nil
}

// LatestRun are the tasks of the last run of a job, of those that the swarm still knows.
func LatestRun(svc *api.Service, tasks []api.Task) []api.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
		return svc.JobStatus == nil || t.JobIteration == nil || t.JobIteration.Index != svc.JobStatus.JobIteration.Index
	})
}

// JobProgress is how many tasks have completed, and how many must: of a global job as many as the
// swarm has made.
func JobProgress(spec api.ServiceSpec, tasks []api.Task) (have, want int) {
	nodes := map[string]bool{}
	for _, t := range tasks {
		nodes[t.NodeID] = true
		if t.Status.State == api.TaskStateComplete {
			have++
		}
	}
	if job := spec.Mode.ReplicatedJob; job != nil {
		return have, int(plan.Completions(job))
	}
	return have, len(nodes)
}

// awaitStarted waits until all tasks of a service have been started, healthy or not.
func (r *run) awaitStarted(ctx context.Context, s plan.Step) error {
	svc := r.serviceOf(s)
	if svc == nil {
		return errVanished(s)
	}
	w := cluster.Waiting{Service: s.Service, Step: "tasks", Svc: svc, Timeout: s.Timeout}
	look := r.Now()
	for began := time.Now(); ; look = r.Next() {
		tasks, err := look.CurrentTasks(ctx, svc.ID)
		if err != nil {
			return err
		}
		started := slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool {
			return !cluster.Wanted(t) || cluster.StateRank(t.Status.State) < cluster.StateRank(api.TaskStateStarting)
		})
		if want := cluster.WantedTasks(svc.Spec, tasks); len(started) >= want && (want > 0 || cluster.IsStopped(svc.Spec)) {
			r.Done(s.Service, "tasks", "%d of %d tasks started", want, want)
			return nil
		}
		if failed := cluster.Failures(svc, tasks); len(failed) > 0 {
			return r.Unhealthy(ctx, r.known, w, cluster.SlotFailed(len(failed)), failed)
		}
		if time.Since(began) > s.Timeout {
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("its tasks did not start within %s", s.Timeout), cluster.Newest(tasks))
		}
	}
}

func errVanished(s plan.Step) error {
	return fmt.Errorf("service %s: somebody removed it while the command ran: run the command again", s.Name)
}
