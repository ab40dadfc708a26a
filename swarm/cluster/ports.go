package cluster

import (
	"fmt"

	api "github.com/docker/docker/api/types/swarm"
)

// PublishedPorts are the published ports of a spec in one mode, as 80/tcp.
func PublishedPorts(spec api.ServiceSpec, mode api.PortConfigPublishMode) []string {
	var ports []string
	if spec.EndpointSpec == nil {
		return nil
	}
	for _, p := range spec.EndpointSpec.Ports {
		published := p.PublishMode
		if published == "" {
			published = api.PortConfigPublishModeIngress
		}
		if published == mode && p.PublishedPort != 0 {
			ports = append(ports, PortName(p))
		}
	}
	return ports
}

// PortName is a published port as 80/tcp.
func PortName(p api.PortConfig) string {
	protocol := p.Protocol
	if protocol == "" {
		protocol = api.PortConfigProtocolTCP
	}
	return fmt.Sprintf("%d/%s", p.PublishedPort, protocol)
}
