package compose

import (
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// predefined are the networks of network_mode that every swarm has. "none" is not among them.
var predefined = []string{"host", "bridge"}

// predefinedNetwork is the network that network_mode puts a service on, empty where the key is not
// carried out. docker stack deploy drops it; where there are networks or ports too, which do not go
// with it, they win here as there.
func (m *model) predefinedNetwork(s types.ServiceConfig) string {
	alone := len(s.Ports) == 0 && len(tree.Mapping(m.rawService(s.Name)["networks"])) == 0
	if alone && slices.Contains(predefined, s.NetworkMode) {
		return s.NetworkMode
	}
	return ""
}

func (m *model) warnNetworkMode(s types.ServiceConfig) {
	switch {
	case s.NetworkMode == "" || m.predefinedNetwork(s) != "":
	case slices.Contains(predefined, s.NetworkMode):
		m.warnf(s.Name, "network_mode: %s: it does not go with networks and ports, so the service is on its networks, or on the "+
			"stack's default one: take one of the keys out", s.NetworkMode)
	default:
		m.warnf(s.Name, "network_mode: %s: Swarm cannot do it, so the service is on its networks, or on the stack's default one",
			s.NetworkMode)
	}
}
