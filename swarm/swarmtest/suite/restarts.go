package suite

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"
)

// restarts are scenarios about tasks that end by themselves.
var restarts = []Scenario{
	{Name: "failed task is replaced", run: func(r *run) {
		id := r.create(r.spec(Fails, 1))
		r.await("a second task has failed", func() bool { return len(where(r.tasks(id), failed)) > 1 })
		for _, t := range where(r.tasks(id), failed)[:2] {
			if t.Slot != 1 || t.Status.ContainerStatus.ExitCode != 3 || t.Status.Err != "task: non-zero exit (3)" {
				r.Errorf("task in slot %d: %+v %+v", t.Slot, t.Status, t.Status.ContainerStatus)
			}
		}
		r.await("the first is told to be shut down", func() bool { return r.tasks(id)[0].DesiredState == api.TaskStateShutdown })
	}},
	{Name: "next task is ready for its turn", run: func(r *run) {
		s := r.spec(Fails, 1)
		s.TaskTemplate.RestartPolicy.Delay = new(20 * time.Second)
		id := r.create(s)
		r.await("the next task is ready", func() bool {
			tasks := r.tasks(id)
			return len(tasks) == 2 && failed(tasks[0]) && tasks[0].DesiredState == api.TaskStateShutdown &&
				tasks[1].DesiredState == api.TaskStateReady && tasks[1].Status.State == api.TaskStateReady
		})
		r.status(id, api.ServiceStatus{DesiredTasks: 1})
	}},
	{Name: "rejected task is replaced", run: func(r *run) {
		s := r.spec(Serves, 1)
		unmountable(&s)
		s.TaskTemplate.RestartPolicy.Delay = new(time.Second)
		id := r.create(s)
		r.await("a second task was rejected", func() bool { return len(where(r.tasks(id), rejected)) > 1 })
		tasks := where(r.tasks(id), rejected)
		for _, t := range tasks[:2] {
			if t.Slot != 1 || !strings.Contains(t.Status.Err, "bind source path does not exist: "+noFolder) {
				r.Errorf("task in slot %d: %+v", t.Slot, t.Status)
			}
		}
		if between := tasks[1].Status.Timestamp.Sub(tasks[0].Status.Timestamp); between <= 0 { // the delay counts from the creation of the second
			r.Errorf("only %s between the two", between)
		}
		r.status(id, api.ServiceStatus{DesiredTasks: 1})
	}},
	{Name: "failed task is not replaced", run: func(r *run) { r.onlyOne(Fails, api.RestartPolicyConditionNone, api.TaskStateFailed) }},
	{Name: "completed task is not replaced", run: func(r *run) {
		r.onlyOne(Completes, api.RestartPolicyConditionOnFailure, api.TaskStateComplete)
	}},
	{Name: "completed task is replaced", run: func(r *run) {
		id := r.create(r.spec(Completes, 1))
		r.await("a second task has completed", func() bool { return len(where(r.tasks(id), completed)) > 1 })
	}},
	{Name: "history of a slot", run: func(r *run) {
		id := r.create(r.spec(Breaks, 1))
		seen := map[string]bool{}
		r.await("8 tasks have been made", func() bool {
			for _, t := range r.tasks(id) {
				seen[t.ID] = true
			}
			return len(seen) >= 8
		})
		if n := len(where(r.tasks(id), failed)); n < 3 {
			r.Errorf("of the tasks that failed last only %d are kept", n)
		}
		r.await("old ones are forgotten", func() bool { return len(r.tasks(id)) <= 5 })
	}},
	{Name: "most attempts", run: func(r *run) {
		s := r.spec(Fails, 1)
		s.TaskTemplate.RestartPolicy.MaxAttempts = new(uint64(1))
		id := r.create(s)
		r.await("two tasks have failed", func() bool { return len(where(r.tasks(id), failed)) == 2 })
		r.never("there is a third", 2*time.Second, func() bool { return len(r.tasks(id)) > 2 })
	}},
}

func failed(t api.Task) bool    { return t.Status.State == api.TaskStateFailed }
func completed(t api.Task) bool { return t.Status.State == api.TaskStateComplete }

// onlyOne runs a service whose task ends in a state and is not replaced, but by another spec.
func (r *run) onlyOne(app App, condition api.RestartPolicyCondition, state api.TaskState) {
	s := r.spec(app, 1)
	s.TaskTemplate.RestartPolicy.Condition = condition
	id := r.create(s)
	r.await("the task has ended", func() bool {
		tasks := r.tasks(id)
		return len(tasks) == 1 && tasks[0].Status.State == state && tasks[0].DesiredState == api.TaskStateShutdown
	})
	r.never("there is a second", 2*time.Second, func() bool { return len(r.tasks(id)) > 1 })
	r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = "1" })
	r.never("there is a second after a label", 2*time.Second, func() bool { return len(r.tasks(id)) > 1 })
	r.update(id, func(s *api.ServiceSpec) { r.become(s, Serves) })
	r.awaitRunning(id, 1)
}

// prints waits until a task has printed a line with this.
func (r *run) prints(task, line string) {
	r.Helper()
	var text string
	for end := time.Now().Add(r.Patience); !strings.Contains(text, line); time.Sleep(r.Look) {
		if time.Now().After(end) {
			r.Fatalf("task %s printed %q, want %q", task, text, line)
		}
		logs, err := r.Engine.TaskLogs(r.Context(), task, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: "10"})
		r.must(err)
		var b bytes.Buffer
		_, err = stdcopy.StdCopy(&b, &b, logs)
		_ = logs.Close()
		if text = b.String(); err != nil {
			r.Logf("output of a task: %v", err)
		}
	}
}

// jobs are scenarios about services whose tasks are to complete.
var jobs = []Scenario{
	{Name: "job completes once", run: func(r *run) {
		id := r.create(r.job(Completes))
		task := r.completed(id, 1)[0]
		if task.DesiredState != api.TaskStateComplete || task.Status.ContainerStatus.ExitCode != 0 || task.Status.Err != "" {
			r.Errorf("task desired %s: %+v", task.DesiredState, task.Status)
		}
		svc := r.inspect(id)
		if svc.JobStatus == nil || task.JobIteration == nil || *task.JobIteration != svc.JobStatus.JobIteration || svc.JobStatus.LastExecution.IsZero() {
			r.Errorf("job status %+v, iteration of the task %v", svc.JobStatus, task.JobIteration)
		}
		r.status(id, api.ServiceStatus{CompletedTasks: 1, DesiredTasks: 1})
		r.never("it runs again", time.Second, func() bool { return len(r.tasks(id)) > 1 })
		r.prints(task.ID, r.Line)
	}},
	{Name: "job runs again when it is written", run: func(r *run) {
		id := r.create(r.job(Completes))
		first := r.completed(id, 1)[0]
		r.update(id, func(s *api.ServiceSpec) { s.TaskTemplate.ForceUpdate++ })
		tasks := r.completed(id, 2)
		if !slices.Contains(ids(tasks), first.ID) {
			r.Errorf("the task of the first run is gone")
		}
		now := r.inspect(id).JobStatus.JobIteration.Index
		if now != first.JobIteration.Index+1 || tasks[1].JobIteration.Index != now {
			r.Errorf("iteration %d, of tasks %d and %d", now, tasks[0].JobIteration.Index, tasks[1].JobIteration.Index)
		}
		r.status(id, api.ServiceStatus{CompletedTasks: 1, DesiredTasks: 1}) // of the last run
	}},
	{Name: "job of which a label is written", run: func(r *run) {
		id := r.create(r.job(Completes))
		r.completed(id, 1)
		r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = "1" })
		r.completed(id, 2)
		if current := r.tasks(id, "_up-to-date", "true"); len(current) != 2 {
			r.Errorf("%d tasks are of the current spec, want those of both runs", len(current))
		}
	}},
	{Name: "job that is written while it runs", run: func(r *run) {
		id := r.create(r.job(Slow))
		r.await("it runs", func() bool { t := r.tasks(id); return len(t) == 1 && t[0].Status.State == api.TaskStateRunning })
		r.status(id, api.ServiceStatus{RunningTasks: 1, DesiredTasks: 1})
		first := r.tasks(id)[0]
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Completes) })
		r.await("the first run leaves no trace", func() bool {
			t := r.tasks(id)
			return len(t) == 1 && t[0].ID != first.ID && completed(t[0])
		})
	}},
	{Name: "job of several tasks", run: func(r *run) {
		s := r.job(Completes)
		s.Mode.ReplicatedJob = &api.ReplicatedJob{MaxConcurrent: new(uint64(1)), TotalCompletions: new(uint64(3))}
		id := r.create(s)
		tasks := r.completed(id, 3)
		var slots []int
		for _, t := range tasks {
			slots = append(slots, t.Slot)
		}
		if slices.Sort(slots); !slices.Equal(slots, []int{0, 1, 2}) {
			r.Errorf("slots %v", slots)
		}
		r.status(id, api.ServiceStatus{CompletedTasks: 3, DesiredTasks: 1}) // as many as run at once
	}},
	{Name: "global job", run: func(r *run) {
		s := r.job(Completes)
		s.Mode = api.ServiceMode{GlobalJob: &api.GlobalJob{}}
		id := r.create(s)
		for _, t := range r.completed(id, len(r.Nodes)) {
			if t.Slot != 0 || t.NodeID == "" {
				r.Errorf("slot %d, node %q", t.Slot, t.NodeID)
			}
		}
		r.status(id, api.ServiceStatus{CompletedTasks: uint64(len(r.Nodes))})
	}},
	{Name: "failed job", run: func(r *run) {
		id := r.create(r.job(Fails))
		r.await("it has failed", func() bool { return len(where(r.tasks(id), failed)) == 1 })
		task := r.tasks(id)[0]
		if task.Status.ContainerStatus.ExitCode != 3 || task.Status.Err != "task: non-zero exit (3)" {
			r.Errorf("task %+v", task.Status)
		}
		r.never("it runs again", 2*time.Second, func() bool { return len(r.tasks(id)) > 1 })
		r.status(id, api.ServiceStatus{DesiredTasks: 1})
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Completes) })
		r.await("it completes when it is written", func() bool { return len(where(r.tasks(id), completed)) == 1 })
	}},
	{Name: "failed job is tried again", run: func(r *run) {
		s := r.job(Fails)
		s.TaskTemplate.RestartPolicy = &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure, Delay: new(100 * time.Millisecond), MaxAttempts: new(uint64(1))}
		id := r.create(s)
		r.await("two tasks have failed", func() bool { return len(where(r.tasks(id), failed)) == 2 })
		r.never("there is a third", 2*time.Second, func() bool { return len(r.tasks(id)) > 2 })
		tasks := r.tasks(id)
		if *tasks[0].JobIteration != *tasks[1].JobIteration {
			r.Errorf("iterations %v and %v", tasks[0].JobIteration, tasks[1].JobIteration)
		}
	}},
}

// completed waits until n tasks have completed.
func (r *run) completed(id string, n int) (tasks []api.Task) {
	r.Helper()
	r.await("the tasks have completed", func() bool { tasks = where(r.tasks(id), completed); return len(tasks) == n })
	return tasks
}

func rejected(t api.Task) bool { return t.Status.State == api.TaskStateRejected }

// noFolder is a folder that no node has.
const noFolder = "/no/such/folder"

// unmountable gives a spec a mount with which no node can make its container.
func unmountable(s *api.ServiceSpec) {
	s.TaskTemplate.ContainerSpec.Mounts = []mount.Mount{{Type: mount.TypeBind, Source: noFolder, Target: "/data"}}
}
