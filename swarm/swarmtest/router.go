package swarmtest

import (
	"fmt"
	"slices"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// WatchRouter looks at a service as Traefik does (listServices and listTasks in its
// pkg/provider/docker), at each change of the swarm until stop is called: a task that runs is sent
// to on the network that a label of the service names, and without one on any that the task is on.
// Stray has the first task that could be reached on a network that the router is not on.
func (s *Swarm) WatchRouter(service string, routers ...string) (stop func() (stray string)) {
	done, result := make(chan struct{}), make(chan string, 1)
	go func() {
		for {
			s.mu.Lock()
			stray, changed := s.stray(service, routers), s.changed
			s.mu.Unlock()
			if stray != "" {
				result <- stray
				return
			}
			select {
			case <-changed:
			case <-done:
				result <- ""
				return
			}
		}
	}()
	return func() string { close(done); return <-result }
}

func (s *Swarm) stray(service string, routers []string) string {
	for _, t := range s.tasks {
		if t.service.Spec.Name != service || t.DesiredState != api.TaskStateRunning || t.Status.State != api.TaskStateRunning {
			continue
		}
		label, named := compose.TraefikNetwork(t.service.Spec.Labels)
		if label == "" {
			continue
		}
		var on []string
		for _, a := range t.NetworksAttachments {
			if n := s.networks[a.Network.ID]; n != nil {
				on = append(on, n.Name)
			}
		}
		if slices.Contains(on, named) {
			on = []string{named}
		}
		for _, network := range on {
			if !slices.Contains(routers, network) {
				return fmt.Sprintf("a router may send to %s of %s on %s: it is told %q", t.ID, service, network, named)
			}
		}
	}
	return ""
}
