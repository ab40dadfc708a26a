package swarmtest

import (
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// A real swarm can put two tasks into a slot: an update that replaces a task just as that is
// restarted does. The next write leaves one, though neither is of another spec.
func TestSlotWithTwoTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(1)
		defer s.Close()
		spec := api.ServiceSpec{Annotations: api.Annotations{Name: "app"}, Mode: api.ServiceMode{Replicated: &api.ReplicatedService{}}}
		spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: "app"}
		created, err := s.ServiceCreate(t.Context(), spec, api.ServiceCreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		s.mu.Lock()
		s.start(s.services[created.ID], "1", api.TaskStateRunning)
		s.mu.Unlock()
		time.Sleep(time.Minute)
		if n := s.Service("app").ServiceStatus.RunningTasks; n != 2 {
			t.Fatalf("%d tasks run, want 2", n)
		}
		if _, err := s.ServiceUpdate(t.Context(), created.ID, s.Service("app").Version, spec, api.ServiceUpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := s.Service("app").ServiceStatus.RunningTasks; n != 1 {
			t.Errorf("%d tasks run, want 1", n)
		}
	})
}

// A write that changes no task supersedes an update. The task that this has made starts all the
// same, as soon as the one before it has ended.
func TestUpdateSupersededByLabel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(1)
		defer s.Close()
		spec := api.ServiceSpec{Annotations: api.Annotations{Name: "app"}, Mode: api.ServiceMode{Replicated: &api.ReplicatedService{}}}
		spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: "app"}
		created, err := s.ServiceCreate(t.Context(), spec, api.ServiceCreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		write := func() {
			t.Helper()
			if _, err := s.ServiceUpdate(t.Context(), created.ID, s.Service("app").Version, spec, api.ServiceUpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		spec.TaskTemplate.ForceUpdate++
		write()
		time.Sleep(s.Default.Stop / 2) // the old task has not ended yet
		if n := s.Service("app").ServiceStatus.RunningTasks; n != 1 {
			t.Fatalf("%d tasks run before the label, want the old one", n)
		}
		spec.Labels = map[string]string{"a": "b"}
		write()
		time.Sleep(time.Minute)
		if n := s.Service("app").ServiceStatus.RunningTasks; n != 1 {
			t.Errorf("%d tasks run, want 1", n)
		}
	})
}
