package suite

import (
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// updates are scenarios about how the tasks of a service are replaced.
var updates = []Scenario{
	{Name: "labels of a service", run: func(r *run) {
		id, before := r.runs(r.spec(Serves, 2))
		r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = "1" })
		r.never("a task is replaced", 2*time.Second, func() bool { return !slices.Equal(ids(r.tasks(id)), ids(before)) })
		if have := ids(r.tasks(id, "_up-to-date", "true")); !slices.Equal(have, ids(before)) {
			r.Errorf("of the current spec: %v, want %v", have, ids(before))
		}
		if st := r.inspect(id).UpdateStatus; st != nil {
			r.Errorf("it is an update: %+v", st)
		}
	}},
	{Name: "env replaces all tasks", run: envReplaces},
	{Name: "written again replaces nothing", run: func(r *run) {
		id, before := r.runs(r.spec(Serves, 1))
		r.update(id, func(*api.ServiceSpec) {})
		r.never("a task is replaced", 2*time.Second, func() bool { return !slices.Equal(ids(r.tasks(id)), ids(before)) })
		r.update(id, func(s *api.ServiceSpec) { s.TaskTemplate.ForceUpdate++ })
		if now := r.awaitRunning(id, 1); now[0].ID == before[0].ID {
			r.Errorf("it is not replaced by force")
		}
	}},
	{Name: "another published port replaces all tasks", run: func(r *run) {
		id, before := r.runs(r.spec(Serves, 1))
		r.update(id, func(s *api.ServiceSpec) {
			s.EndpointSpec.Ports = []api.PortConfig{{Protocol: "tcp", TargetPort: 8080, PublishedPort: 39183, PublishMode: api.PortConfigPublishModeHost}}
		})
		r.await("another task runs", func() bool {
			now := where(r.tasks(id), isRunning)
			return len(now) == 1 && now[0].ID != before[0].ID
		})
	}},
	{Name: "stop first", run: func(r *run) {
		lowest, highest := rolled(r, Serves, api.UpdateOrderStopFirst, 1)
		if lowest < 1 || highest > 2 {
			r.Errorf("between %d and %d tasks ran, want 1 to 2", lowest, highest)
		}
	}},
	{Name: "start first", run: func(r *run) {
		lowest, highest := rolled(r, Serves, api.UpdateOrderStartFirst, 1)
		if lowest < 2 || highest > 4 { // an old task may still end when the next new one runs
			r.Errorf("between %d and %d tasks ran, want 2 to 4", lowest, highest)
		}
	}},
	{Name: "start first, all at once", run: func(r *run) {
		lowest, highest := rolled(r, Slow, api.UpdateOrderStartFirst, 0)
		if lowest != 2 || highest != 4 {
			r.Errorf("between %d and %d tasks ran, want 2 to 4", lowest, highest)
		}
	}},
	{Name: "next task waits for the last", run: func(r *run) {
		id, before := r.runs(r.spec(Slow, 1))
		r.update(id, func(s *api.ServiceSpec) { run2(s) })
		r.await("the new task is ready while the old one ends", func() bool {
			tasks := r.tasks(id)
			return len(tasks) == 2 && tasks[0].ID == before[0].ID && tasks[0].DesiredState == api.TaskStateShutdown && tasks[0].Status.State == api.TaskStateRunning &&
				tasks[1].DesiredState == api.TaskStateReady && tasks[1].Status.State == api.TaskStateReady
		})
		now := r.awaitRunning(id, 1)
		if now[0].Slot != before[0].Slot {
			r.Errorf("slot %d, before %d", now[0].Slot, before[0].Slot)
		}
	}},
	{Name: "update completed", run: func(r *run) {
		id, _ := r.runs(r.spec(Serves, 1))
		r.update(id, func(s *api.ServiceSpec) { run2(s) })
		r.updateState(id, api.UpdateStateUpdating)
		st := r.updateState(id, api.UpdateStateCompleted)
		if st.StartedAt == nil || st.CompletedAt == nil || st.CompletedAt.Sub(*st.StartedAt) < time.Second {
			r.Errorf("an update that watches its tasks for 1s: %+v", st)
		}
		r.update(id, func(s *api.ServiceSpec) { s.Labels["now"] = "1" })
		if st := r.inspect(id).UpdateStatus; st != nil {
			r.Errorf("after the next write: %+v", st)
		}
	}},
	{Name: "update paused by a failure", run: pausedUpdate},
	{Name: "update paused by a task that ran", run: func(r *run) {
		s := r.spec(Serves, 1)
		s.UpdateConfig.Monitor = time.Minute // a failure is told late by a busy swarm
		id, _ := r.runs(s)
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Breaks) })
		r.updateState(id, api.UpdateStatePaused)
	}},
	{Name: "update paused by a rejected task", run: func(r *run) {
		id, before := r.runs(r.spec(Serves, 3))
		r.update(id, unmountable)
		r.updateState(id, api.UpdateStatePaused)
		r.stayed(id, before)
	}},
	{Name: "paused update written again", run: func(r *run) {
		id, before := r.runs(r.spec(Serves, 3))
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Fails) })
		r.updateState(id, api.UpdateStatePaused)
		r.stayed(id, before)
		left := func() int {
			return len(where(r.tasks(id), func(t api.Task) bool { return isRunning(t) && slices.Contains(ids(before), t.ID) }))
		}
		r.never("it goes on by itself", time.Second, func() bool { return r.inspect(id).UpdateStatus.State != api.UpdateStatePaused })
		then := left()
		r.update(id, func(*api.ServiceSpec) {})
		r.await("it goes on", func() bool {
			goesOn := left() < then
			if !goesOn && r.inspect(id).UpdateStatus == nil { // the write came while the update that paused was still ending: it is written once more
				r.update(id, func(*api.ServiceSpec) {})
			}
			return goesOn
		})
	}},
	{Name: "start first, and back", run: func(r *run) {
		s := r.spec(Serves, 2)
		s.UpdateConfig.Order = api.UpdateOrderStartFirst
		id, before := r.runs(s)
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Fails) })
		r.updateState(id, api.UpdateStatePaused)
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Serves) })
		r.await("the new tasks are not wanted any more", func() bool {
			return len(where(r.tasks(id), func(t api.Task) bool {
				return t.DesiredState == api.TaskStateRunning || t.DesiredState == api.TaskStateReady
			})) == 2
		})
		if now := r.awaitRunning(id, 2); !slices.Equal(ids(now), ids(before)) {
			r.Errorf("%v run, want %v", ids(now), ids(before))
		}
	}},
	{Name: "update rolled back by a failure", run: rolledBack},
	{Name: "rollback by hand", run: func(r *run) {
		id, _ := r.runs(r.spec(Serves, 1))
		if r.rollback(id) == nil {
			r.Errorf("a service without a previous spec is rolled back")
		}
		r.update(id, func(s *api.ServiceSpec) { run2(s); s.Labels["now"] = "1" })
		r.awaitRunning(id, 1)
		r.rolledBack(id, api.UpdateStateRollbackCompleted)
		svc := r.inspect(id)
		if svc.Spec.Labels["now"] != "" || svc.PreviousSpec == nil || svc.PreviousSpec.Labels["now"] != "1" {
			r.Errorf("label %q, previous spec %+v", svc.Spec.Labels["now"], svc.PreviousSpec)
		}
		if t := r.awaitRunning(id, 1)[0]; slices.Contains(t.Spec.ContainerSpec.Env, "RUN=2") {
			r.Errorf("the task has %v", t.Spec.ContainerSpec.Env)
		}
	}},
	{Name: "rollback paused by a failure", run: func(r *run) {
		s := r.spec(Fails, 1)
		s.RollbackConfig = s.UpdateConfig
		id := r.create(s)
		r.await("a task has failed", func() bool { return len(where(r.tasks(id), failed)) > 0 })
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Serves) })
		r.awaitRunning(id, 1)
		st := r.rolledBack(id, api.UpdateStateRollbackPaused)
		if !strings.HasPrefix(st.Message, "update paused due to failure or early termination of task") {
			r.Errorf("message %q", st.Message)
		}
	}},
	{Name: "update goes on after failures", run: func(r *run) {
		s := r.spec(Serves, 2)
		s.UpdateConfig.FailureAction = api.UpdateFailureActionContinue
		id, _ := r.runs(s)
		r.update(id, func(s *api.ServiceSpec) { r.become(s, Fails) })
		r.updateState(id, api.UpdateStateCompleted)
		if now := where(r.tasks(id), isRunning); len(now) != 0 {
			r.Errorf("%d tasks run", len(now))
		}
	}},
	{Name: "update overtaken", run: func(r *run) {
		id, _ := r.runs(r.spec(Slow, 2))
		r.update(id, func(s *api.ServiceSpec) { run2(s) })
		r.updateState(id, api.UpdateStateUpdating)
		r.update(id, func(s *api.ServiceSpec) {
			s.TaskTemplate.ContainerSpec.Env = append(s.TaskTemplate.ContainerSpec.Env, "RUN=3")
		})
		for _, t := range r.awaitRunning(id, 2) {
			if !slices.Contains(t.Spec.ContainerSpec.Env, "RUN=3") {
				r.Errorf("a task has %v", t.Spec.ContainerSpec.Env)
			}
		}
		r.updateState(id, api.UpdateStateCompleted)
	}},
}

// rollback gives a service its previous spec, as docker service rollback does.
func (r *run) rollback(id string) error {
	r.Helper()
	svc := r.inspect(id)
	_, err := r.Engine.ServiceUpdate(r.Context(), id, svc.Version, svc.Spec, api.ServiceUpdateOptions{Rollback: "previous"})
	return err
}

// rolledBack rolls a service back, and waits for how that ends.
func (r *run) rolledBack(id string, end api.UpdateState) *api.UpdateStatus {
	r.Helper()
	r.await("the rollback is written", func() bool {
		err := r.rollback(id)
		if err != nil && !engine.OutOfSequence(err) {
			r.Fatal(err)
		}
		return err == nil
	})
	return r.updateState(id, end)
}

// run2 makes other tasks of a spec.
func run2(s *api.ServiceSpec) {
	s.TaskTemplate.ContainerSpec.Env = append(s.TaskTemplate.ContainerSpec.Env, "RUN=2")
}

// become lets tasks behave in another way.
func (r *run) become(s *api.ServiceSpec, app App) { s.TaskTemplate.ContainerSpec = r.Container(app) }

func (r *run) updateState(id string, want api.UpdateState) *api.UpdateStatus {
	r.Helper()
	var last *api.UpdateStatus
	for end := time.Now().Add(r.Patience); ; time.Sleep(r.Look) {
		if last = r.inspect(id).UpdateStatus; last != nil && last.State == want {
			return last
		}
		if time.Now().After(end) {
			r.Fatalf("update status %+v, want %s", last, want)
		}
	}
}

func envReplaces(r *run) {
	id, before := r.runs(r.spec(Serves, 2))
	r.update(id, run2)
	after := r.awaitRunning(id, 2)
	for _, t := range after {
		if slices.Contains(ids(before), t.ID) || !slices.Contains(t.Spec.ContainerSpec.Env, "RUN=2") {
			r.Errorf("task %s was not replaced", t.ID)
		}
	}
	history := where(r.tasks(id), func(t api.Task) bool { return slices.Contains(ids(before), t.ID) })
	if len(history) != 2 {
		r.Errorf("the history has %d tasks", len(history))
	}
	for _, t := range history {
		if t.DesiredState != api.TaskStateShutdown || t.Status.State != api.TaskStateShutdown || t.Status.Err != "" {
			r.Errorf("old task: %s %s, desired %s", t.Status.State, t.Status.Err, t.DesiredState)
		}
	}
}

// rolled replaces two tasks, and returns the fewest and the most that ran at any look.
func rolled(r *run, app App, order string, parallelism uint64) (lowest, highest int) {
	s := r.spec(app, 2)
	s.UpdateConfig.Order, s.UpdateConfig.Parallelism = order, parallelism
	id, before := r.runs(s)
	r.update(id, run2)
	lowest, highest = 2, 2
	r.await("the update is completed", func() bool {
		running := len(where(r.tasks(id), func(t api.Task) bool { return t.Status.State == api.TaskStateRunning }))
		lowest, highest = min(lowest, running), max(highest, running)
		st := r.inspect(id).UpdateStatus
		return st != nil && st.State == api.UpdateStateCompleted
	})
	for _, t := range r.awaitRunning(id, 2) {
		if slices.Contains(ids(before), t.ID) {
			r.Errorf("task %s was not replaced", t.ID)
		}
	}
	return lowest, highest
}

// stayed fails the scenario unless one or two of three tasks still run: when one fails, the next
// may have been begun.
func (r *run) stayed(id string, before []api.Task) {
	r.Helper()
	n := len(where(r.tasks(id), func(t api.Task) bool { return isRunning(t) && slices.Contains(ids(before), t.ID) }))
	if n < 1 || n > 2 {
		r.Errorf("%d of the old tasks run, want 1 or 2 of 3", n)
	}
}

func pausedUpdate(r *run) {
	id, before := r.runs(r.spec(Serves, 3))
	r.update(id, func(s *api.ServiceSpec) { r.become(s, Fails) })
	st := r.updateState(id, api.UpdateStatePaused)
	if !strings.HasPrefix(st.Message, "update paused due to failure or early termination of task") {
		r.Errorf("message %q", st.Message)
	}
	r.stayed(id, before)
	r.update(id, func(s *api.ServiceSpec) { r.become(s, Serves); run2(s) })
	r.awaitRunning(id, 3)
	r.updateState(id, api.UpdateStateCompleted)
}

func rolledBack(r *run) {
	s := r.spec(Serves, 3)
	s.UpdateConfig.FailureAction = api.UpdateFailureActionRollback
	s.RollbackConfig = &api.UpdateConfig{Parallelism: 1, Monitor: time.Second, FailureAction: api.UpdateFailureActionPause, Order: api.UpdateOrderStopFirst}
	id, before := r.runs(s)
	r.update(id, func(s *api.ServiceSpec) { r.become(s, Fails); s.Labels["now"] = "1" })
	st := r.updateState(id, api.UpdateStateRollbackCompleted)
	if st.Message != "rollback completed" {
		r.Errorf("message %q", st.Message)
	}
	svc := r.inspect(id)
	if svc.Spec.Labels["now"] != "" || svc.PreviousSpec != nil {
		r.Errorf("label %q, previous spec %+v", svc.Spec.Labels["now"], svc.PreviousSpec)
	}
	r.awaitRunning(id, 3)
	r.stayed(id, before)
}
