package plan

import (
	"fmt"
	"maps"
	"slices"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// keepsNetworks says whether a service that runs stays on its networks although the file has
// network_mode: docker stack deploy dropped that key, and others reach the service where it is.
func keepsNetworks(svc compose.Service, live api.Service) bool {
	return svc.NetworkMode != "" && slices.ContainsFunc(live.Spec.TaskTemplate.Networks, func(n api.NetworkAttachmentConfig) bool {
		return len(n.Aliases) > 0 // a network such as host knows none
	})
}

// named are networks by name, as in the specs of package compose.
func (pl *planner) named(networks []api.NetworkAttachmentConfig) []api.NetworkAttachmentConfig {
	out := slices.Clone(networks)
	for i, n := range out {
		if name, ok := pl.networks[n.Target]; ok {
			out[i].Target = name
		}
	}
	return out
}

// StayingNetworks are sentences about services that stay on their networks, and what to write to
// move them.
func StayingNetworks(s *cluster.Snapshot, p *compose.Project) []string {
	var out []string
	names := cluster.NetworkNames(s.Networks)
	for _, svc := range p.Services {
		live, exists := s.Plain[svc.Name]
		if !exists || !keepsNetworks(svc, live) {
			continue
		}
		on := map[string]bool{}
		for _, n := range live.Spec.TaskTemplate.Networks {
			on[names[n.Target]] = true
		}
		out = append(out, fmt.Sprintf("service %s: network_mode: %s: docker stack deploy drops the key, so the service runs on %s, and it stays there. "+
			"To move it write networks: [node] in the service, and networks: {node: {name: %s, external: true}} at the top of the file",
			svc.Name, svc.NetworkMode, cluster.Sentence(slices.Sorted(maps.Keys(on))), svc.NetworkMode))
	}
	return out
}
