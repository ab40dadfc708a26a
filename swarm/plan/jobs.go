package plan

import (
	"fmt"
	"maps"
	"slices"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// completed says whether the last run of a job has ended with success. Of a service that is just
// created there is no status.
func completed(svc api.Service) bool {
	st := svc.ServiceStatus
	if st == nil {
		return false
	}
	if job := svc.Spec.Mode.ReplicatedJob; job != nil {
		return st.CompletedTasks >= Completions(job)
	}
	return st.CompletedTasks > 0 && st.DesiredTasks == 0 // those that have completed are not desired any more
}

// Completions is how many tasks of a job must complete.
func Completions(job *api.ReplicatedJob) uint64 {
	switch {
	case job.TotalCompletions != nil:
		return *job.TotalCompletions
	case job.MaxConcurrent != nil:
		return *job.MaxConcurrent
	}
	return 1
}

// rerun says why a job whose spec did not change has to run again; empty when it has not. What runs
// is not run twice.
func (pl *planner) rerun(svc compose.Service, live api.Service) string {
	for _, name := range slices.Sorted(maps.Keys(pl.dependents(svc.Name))) {
		switch {
		case pl.has(name, StartColor):
			return fmt.Sprintf("%s, which depends on it, gets a new release", name)
		case pl.has(name, CreatePlain, UpdatePlain, RunJob):
			return fmt.Sprintf("%s, which depends on it, changes", name)
		}
	}
	if st := live.ServiceStatus; st != nil && !completed(live) && st.RunningTasks == 0 {
		return "its last run did not complete"
	}
	return ""
}

// await plans the waits for a plain service: before those that depend on it, else when all traffic
// has moved.
func (pl *planner) await(svc compose.Service, spec api.ServiceSpec) {
	dependents := pl.dependents(svc.Name)
	step := Step{Do: Await, Name: spec.Name, Service: svc.Name, Spec: &spec}
	optional := len(dependents) > 0
	conditions := map[string]bool{}
	for _, d := range dependents {
		conditions[d.Condition] = true
		optional = optional && d.Optional
	}
	if conditions[compose.Started] {
		started := step
		started.Do, started.Optional = AwaitStarted, optional
		pl.add(started)
	}
	if conditions[compose.Healthy] || conditions[compose.Completed] {
		step.Phase, step.Optional = Deploy, optional
	} else if pl.opts.Detach {
		return
	}
	pl.add(step)
}
