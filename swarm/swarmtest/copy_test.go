package swarmtest

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// A copy holds the same at the same time, lives on by itself, and leaves the one that it is of
// alone.
func TestCopy(t *testing.T) {
	spec := func(replicas uint64) api.ServiceSpec {
		return api.ServiceSpec{Annotations: api.Annotations{Name: "web"}, TaskTemplate: api.TaskSpec{ContainerSpec: &api.ContainerSpec{Image: "web:1"}},
			Mode: api.ServiceMode{Replicated: &api.ReplicatedService{Replicas: &replicas}}}
	}
	var another func() *Swarm
	var at time.Time
	synctest.Test(t, func(t *testing.T) {
		s := New(2)
		defer s.Close()
		if _, err := s.ServiceCreate(t.Context(), spec(3), api.ServiceCreateOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		another, at = s.Copy(), time.Now()
	})
	for _, replicas := range []uint64{5, 1} { // the second finds nothing of what the first did
		synctest.Test(t, func(t *testing.T) {
			s := another()
			defer s.Close()
			if now := time.Now(); !now.Equal(at) {
				t.Errorf("it is %s, and was %s", now, at)
			}
			if got := s.Objects(); !slices.Equal(got, []string{"service web"}) {
				t.Errorf("it holds %v", got)
			}
			web := s.Service("web")
			if n := web.ServiceStatus.RunningTasks; n != 3 {
				t.Errorf("%d tasks run, want 3", n)
			}
			if _, err := s.ServiceUpdate(t.Context(), web.ID, web.Version, spec(replicas), api.ServiceUpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			if n := s.Service("web").ServiceStatus.RunningTasks; n != replicas {
				t.Errorf("%d tasks run, want %d", n, replicas)
			}
		})
	}
}
