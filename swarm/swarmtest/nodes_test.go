package swarmtest

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// on lists the tasks of a service on a node, with their states and what they are to be, oldest
// first.
func (s *Swarm) on(service, node string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, t := range s.tasks {
		if t.service.Spec.Name == service && t.NodeID == node {
			out = append(out, string(t.Status.State)+", "+string(t.DesiredState))
		}
	}
	return out
}

// A node that goes down. The scenarios of the suite have none: their swarm must not lose one, and a
// manager gives its tasks up after a day only.
func TestNodeThatGoesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(2)
		defer s.Close()
		for name, mode := range map[string]api.ServiceMode{
			"app": {Replicated: &api.ReplicatedService{Replicas: new(uint64(2))}}, "agent": {Global: &api.GlobalService{}},
			"job": {ReplicatedJob: &api.ReplicatedJob{MaxConcurrent: new(uint64(2)), TotalCompletions: new(uint64(2))}},
		} {
			spec := api.ServiceSpec{Annotations: api.Annotations{Name: name}, Mode: mode}
			spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: name}
			s.SetApp("job", App{Done: 12 * time.Hour})
			if _, err := s.ServiceCreate(t.Context(), spec, api.ServiceCreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what, node string, app, agent, job []string) {
			t.Helper()
			for name, want := range map[string][]string{"app": app, "agent": agent, "job": job} {
				if have := s.on(name, node); !slices.Equal(have, want) {
					t.Errorf("%s: %s on %s: %q, want %q", what, name, node, have, want)
				}
			}
		}
		const runs, lost, over = "running, running", "running, shutdown", "shutdown, shutdown"
		time.Sleep(time.Minute)
		want("before", "node2", []string{runs}, []string{runs}, []string{"running, complete"})
		s.SetNode("n2", api.NodeStateDown)
		time.Sleep(500 * time.Millisecond)
		want("at once", "node1", []string{runs, "preparing, ready"}, []string{runs}, []string{"running, complete"})
		time.Sleep(time.Minute)
		want("later", "node1", []string{runs, runs}, []string{runs}, []string{"running, complete"})
		want("later", "node2", []string{lost}, []string{lost}, []string{"running, complete"})
		s.SetNode("n2", api.NodeStateReady)
		time.Sleep(time.Minute)
		want("it is back", "node1", []string{runs, runs}, []string{runs}, []string{"running, complete"})
		want("it is back", "node2", []string{over}, []string{over, runs}, []string{"running, complete"})
		s.SetNode("n2", api.NodeStateDown)
		time.Sleep(25 * time.Hour)
		want("a day later", "node2", []string{over}, []string{over, "orphaned, shutdown"}, []string{"orphaned, shutdown"})
	})
}
