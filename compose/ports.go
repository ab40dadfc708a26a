package compose

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/swarm"
)

func (m *model) endpoint(s types.ServiceConfig) (*swarm.EndpointSpec, error) {
	ports := []swarm.PortConfig{}
	for _, port := range s.Ports {
		if err := checkWords(port); err != nil {
			return nil, err
		}
		published, err := publishedPorts(port.Published)
		if err != nil {
			return nil, err
		}
		if ip := net.ParseIP(port.HostIP); ip != nil && !ip.IsUnspecified() {
			m.warnf(s.Name, "ports: host_ip: Swarm publishes on all addresses of a node, so %s is open on more than %s",
				port.Published, port.HostIP)
		}
		for _, number := range published {
			ports = append(ports, swarm.PortConfig{
				Name:          port.Name,
				Protocol:      swarm.PortConfigProtocol(port.Protocol),
				TargetPort:    port.Target,
				PublishedPort: number,
				PublishMode:   swarm.PortConfigPublishMode(port.Mode),
			})
		}
	}
	slices.SortStableFunc(ports, func(a, b swarm.PortConfig) int {
		return cmp.Compare(a.PublishedPort, b.PublishedPort)
	})
	mode := strings.ToLower(deployOf(s).EndpointMode)
	return &swarm.EndpointSpec{Mode: swarm.ResolutionMode(mode), Ports: ports}, nil
}

// checkWords finds words that the engine would read as tcp and ingress.
func checkWords(port types.ServicePortConfig) error {
	protocols := []string{"", "tcp", "udp", "sctp"}
	modes := []string{"", "ingress", "host"}
	switch {
	case !slices.Contains(protocols, port.Protocol):
		return fmt.Errorf("ports: %d: protocol %q is not one of %s", port.Target, port.Protocol, strings.Join(protocols[1:], ", "))
	case !slices.Contains(modes, port.Mode):
		return fmt.Errorf("ports: %d: mode %q is not one of %s", port.Target, port.Mode, strings.Join(modes[1:], ", "))
	}
	return nil
}

// publishedPorts reads a port, a range of ports, or nothing, for which Swarm chooses the port and
// which is 0.
func publishedPorts(text string) ([]uint32, error) {
	if text == "" {
		return []uint32{0}, nil
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || last < first {
		return nil, fmt.Errorf("ports: published: %q is not a port or a range (example: 8000-8010)", text)
	}
	var ports []uint32
	for port := first; port <= last; port++ {
		ports = append(ports, uint32(port))
	}
	return ports, nil
}

// checkPorts finds what Swarm would refuse.
func checkPorts(endpoint *swarm.EndpointSpec) error {
	type published struct {
		port     uint32
		protocol swarm.PortConfigProtocol
	}
	targets := map[published]uint32{}
	for _, port := range endpoint.Ports {
		if endpoint.Mode == swarm.ResolutionModeDNSRR && port.PublishMode != swarm.PortConfigPublishModeHost {
			return fmt.Errorf("ports: %d: deploy.endpoint_mode dnsrr cannot publish through the ingress network: "+
				"use the long form with mode: host, or endpoint_mode vip", port.PublishedPort)
		}
		key := published{port.PublishedPort, cmp.Or(port.Protocol, swarm.PortConfigProtocolTCP)}
		if first, ok := targets[key]; ok && port.PublishedPort != 0 {
			return fmt.Errorf("ports: %d/%s is published twice, for %d and %d: Swarm takes one target for a port",
				key.port, key.protocol, first, port.TargetPort)
		}
		targets[key] = port.TargetPort
	}
	return nil
}
