package compose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/swarm"
)

const maxPort = 65535

// choosePorts checks the ports of x-bluegreen against what the service publishes, or chooses them: every
// published TCP target and every port of expose; where there are none, those that Traefik's labels name.
func (m *model) choosePorts(s Service, settings *Settings) error {
	published, err := publishedTargets(s.Spec.EndpointSpec.Ports)
	if err != nil {
		return err
	}
	if len(settings.Ports) == 0 {
		if settings.Ports, err = m.defaultPorts(s, published); err != nil {
			return err
		}
	}
	return checkTargets(settings.Ports, published)
}

// publishedTargets are the TCP ports inside the container that are published.
func publishedTargets(ports []swarm.PortConfig) ([]uint16, error) {
	var targets []uint16
	for _, port := range ports {
		if port.Protocol != "" && port.Protocol != swarm.PortConfigProtocolTCP {
			return nil, fmt.Errorf("ports: %d/%s: proxies carry TCP only: publish it from a service without %s",
				port.TargetPort, port.Protocol, extension)
		}
		targets = append(targets, uint16(port.TargetPort))
	}
	return targets, nil
}

func (m *model) defaultPorts(s Service, published []uint16) ([]Port, error) {
	exposed, err := m.exposed(s.Name)
	if err != nil {
		return nil, err
	}
	labels := maps.Clone(s.Spec.TaskTemplate.ContainerSpec.Labels)
	maps.Copy(labels, s.Spec.Labels)
	schemes, err := traefikPorts(labels)
	if err != nil {
		return nil, err
	}
	targets := append(slices.Clone(published), exposed...)
	if len(targets) == 0 {
		targets = slices.Collect(maps.Keys(schemes))
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%s: no port is known: publish one with ports, name it with expose, or write "+
			"%s: {ports: [{target: 8080}]}", extension, extension)
	}
	slices.Sort(targets)
	var ports []Port
	for _, target := range slices.Compact(targets) {
		mode := schemes[target]
		if mode == "" {
			mode = ModeHTTP
		}
		ports = append(ports, Port{Target: target, Mode: mode})
	}
	return ports, nil
}

// exposed are the TCP ports of expose; it may hold numbers, ranges and protocols.
func (m *model) exposed(service string) ([]uint16, error) {
	var targets []uint16
	for _, entry := range m.project.Services[service].Expose {
		text, protocol, _ := strings.Cut(entry, "/")
		if protocol != "" && protocol != "tcp" {
			m.warnf(service, "expose: %s: proxies carry TCP only, so other services do not reach it by the name %s",
				entry, service)
			continue
		}
		ports, err := publishedPorts(text)
		if err != nil || ports[0] == 0 {
			return nil, fmt.Errorf("expose: %q is no port and no range such as 8000-8010", entry)
		}
		for _, port := range ports {
			targets = append(targets, uint16(port))
		}
	}
	return targets, nil
}

// checkTargets finds ports that the proxy cannot listen on, and published ones that nothing would serve.
func checkTargets(ports []Port, published []uint16) error {
	known := map[uint16]bool{}
	for _, port := range ports {
		if port.Target == ControlPort {
			return fmt.Errorf("%s.ports: %d is where proxies take their orders: use another port in the container",
				extension, ControlPort)
		}
		if known[port.Target] {
			return fmt.Errorf("%s.ports: target %d stands twice: keep one of them", extension, port.Target)
		}
		known[port.Target] = true
	}
	for _, target := range published {
		if !known[target] {
			return fmt.Errorf("%s.ports: %d is published but missing: add {target: %d}, or take it out of ports",
				extension, target, target)
		}
	}
	return nil
}

// traefikPorts are the ports that labels of Traefik send traffic to, with the mode that their scheme asks for.
// Traefik does not heed case.
func traefikPorts(labels map[string]string) (map[uint16]string, error) {
	ports := map[uint16]string{}
	schemes := map[string]string{}
	for label, value := range labels {
		if service, key := traefikServer(label); key == "scheme" {
			schemes[service] = value
		}
	}
	for label, value := range labels {
		service, key := traefikServer(label)
		if key != "port" {
			continue
		}
		port, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16)
		if err != nil || port == 0 {
			return nil, fmt.Errorf("label %s: %q is no port", label, value)
		}
		ports[uint16(port)] = modeOf(schemes[service])
	}
	return ports, nil
}

// traefikServer takes traefik.http.services.NAME.loadbalancer.server.KEY apart; both are empty for other labels.
func traefikServer(label string) (service, key string) {
	rest, ok := strings.CutPrefix(strings.ToLower(label), "traefik.http.services.")
	service, key, found := strings.Cut(rest, ".loadbalancer.server.")
	if !ok || !found {
		return "", ""
	}
	return service, key
}

func modeOf(scheme string) string {
	switch strings.ToLower(scheme) {
	case "h2c":
		return ModeH2
	case "https":
		return ModeTCP
	default:
		return ModeHTTP
	}
}
