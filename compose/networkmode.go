package compose

import (
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// predefined are the networks of network_mode that every swarm has. "none" is not among them.
var predefined = []string{"host", "bridge"}

// predefinedNetwork is the network that network_mode puts a service on, empty where it is carried out otherwise or
// not at all. docker stack deploy drops the key; where networks are given too, they win here as there.
func (m *model) predefinedNetwork(s types.ServiceConfig) string {
	if slices.Contains(predefined, s.NetworkMode) && len(mapping(m.rawService(s.Name)["networks"])) == 0 {
		return s.NetworkMode
	}
	return ""
}

func (m *model) warnNetworkMode(s types.ServiceConfig) {
	switch {
	case s.NetworkMode == "" || m.predefinedNetwork(s) != "":
	case slices.Contains(predefined, s.NetworkMode):
		m.warnf(s.Name, "network_mode: %s: the service is on the networks that it names instead: keep one of the two keys",
			s.NetworkMode)
	default:
		m.warnf(s.Name, "network_mode: %s: Swarm cannot do it, so the service is on its networks, or on the stack's default one",
			s.NetworkMode)
	}
}
