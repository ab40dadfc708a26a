package plan

import (
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// sendCredentials plans the writes of services that nothing else is written to. Jobs are not among
// them: Swarm runs a job again when it is written.
func (pl *planner) sendCredentials() {
	if !pl.opts.WithRegistryAuth {
		return
	}
	written := map[string]bool{}
	for _, s := range pl.steps {
		if s.Service != "" && s.Do.Traits().Writes {
			written[s.Name] = true
		}
	}
	add := func(service string, c cluster.Color, live *api.Service) {
		if live != nil && !cluster.IsJob(live.Spec) && !written[live.Spec.Name] {
			pl.add(Step{Do: SendAuth, Name: live.Spec.Name, Service: service, Color: c, Cause: "--with-registry-auth"})
		}
	}
	for _, svc := range pl.chosen {
		if plain, ok := pl.seen.Plain[svc.Name]; ok {
			add(svc.Name, cluster.None, &plain)
		}
		if b := pl.seen.BlueGreen[svc.Name]; b != nil && svc.BlueGreen != nil { // else it is given back, and its colors go
			add(svc.Name, cluster.None, b.Proxy)
			add(svc.Name, cluster.Blue, b.Colors[cluster.Blue])
			add(svc.Name, cluster.Green, b.Colors[cluster.Green])
		}
	}
}
