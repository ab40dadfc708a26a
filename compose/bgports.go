package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// choosePorts checks the ports of x-bluegreen against those that traffic comes to, or chooses them:
// every published TCP target, every port of expose, and every port that the labels of routers name.
func (m *model) choosePorts(s Service, settings *bluegreen.Settings) error {
	published, err := publishedTargets(s.Spec.EndpointSpec.Ports)
	if err != nil {
		return err
	}
	labels := maps.Clone(s.Spec.TaskTemplate.ContainerSpec.Labels)
	maps.Copy(labels, s.Spec.Labels)
	routed, err := routedPorts(labels)
	if err != nil {
		return err
	}
	preview := bluegreen.Preview{}
	if settings.Preview != nil {
		preview = *settings.Preview
	}
	// Published, or named by a router, it leads to the idle color.
	published = slices.DeleteFunc(published, func(p uint16) bool { return p == preview.Port || p == settings.Metrics })
	delete(routed, preview.Port)
	if len(settings.Ports) == 0 {
		if settings.Ports, err = m.defaultPorts(s, preview, published, slices.Collect(maps.Keys(routed))); err != nil {
			return err
		}
	}
	for i, port := range settings.Ports {
		settings.Ports[i].Mode = cmp.Or(port.Mode, routed[port.Target], bluegreen.UsualMode(port.Target))
	}
	if err := checkTargets(settings.Ports, published, routed); err != nil {
		return err
	}
	if settings.Preview != nil {
		if err := settings.Preview.Resolve(settings.Ports); err != nil {
			return err
		}
	}
	return settings.TakenPort()
}

// publishedTargets are the TCP ports inside the container that are published.
func publishedTargets(ports []swarm.PortConfig) ([]uint16, error) {
	var targets []uint16
	var other []swarm.PortConfig
	for _, port := range ports {
		if port.Protocol != "" && port.Protocol != swarm.PortConfigProtocolTCP {
			other = append(other, port)
			continue
		}
		targets = append(targets, uint16(port.TargetPort))
	}
	switch {
	case len(other) == 0:
		return targets, nil
	case len(targets) == 0:
		return nil, fmt.Errorf("ports: %d/%s: proxies carry TCP only, so the service cannot be blue-green: take %s out of it",
			other[0].TargetPort, other[0].Protocol, bluegreen.Key)
	}
	return nil, fmt.Errorf("ports: %d/%s: one container serves %s and TCP, and proxies carry TCP only, so the service cannot be blue-green: "+
		"take %s out of it", other[0].TargetPort, other[0].Protocol, strings.ToUpper(string(other[0].Protocol)), bluegreen.Key)
}

// defaultPorts are the ports of a service whose x-bluegreen names none, without modes.
func (m *model) defaultPorts(s Service, preview bluegreen.Preview, published, routed []uint16) ([]bluegreen.Port, error) {
	exposed, err := m.exposed(s.Name)
	if err != nil {
		return nil, err
	}
	exposed = slices.DeleteFunc(exposed, func(p uint16) bool { return p == preview.Port })
	targets := slices.Concat(published, exposed, routed)
	if len(targets) == 0 && preview.Port != 0 {
		return nil, fmt.Errorf("%s.preview.port: no port is known but that of the preview, %d: publish one more with ports, name it with expose, or write "+
			"%s: {ports: [{target: 8080}]}", bluegreen.Key, preview.Port, bluegreen.Key)
	}
	if len(targets) == 0 {
		return nil, fmt.Errorf("%s: no port is known: publish one with ports, name it with expose, or write "+
			"%s: {ports: [{target: 8080}]}", bluegreen.Key, bluegreen.Key)
	}
	slices.Sort(targets)
	var ports []bluegreen.Port
	for _, target := range slices.Compact(targets) {
		ports = append(ports, bluegreen.Port{Target: target})
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
			return nil, fmt.Errorf("expose: %q is not a port or a range (example: 8000-8010)", entry)
		}
		for _, port := range ports {
			targets = append(targets, uint16(port))
		}
	}
	return targets, nil
}

// checkTargets finds ports that the proxy cannot listen on, and those that traffic comes to and
// nothing would serve.
func checkTargets(ports []bluegreen.Port, published []uint16, routed map[uint16]string) error {
	known := map[uint16]bool{}
	for _, port := range ports {
		if port.Target == bluegreen.ControlPort {
			return fmt.Errorf("%s.ports: the proxies use %d for orders: use another port in the container",
				bluegreen.Key, bluegreen.ControlPort)
		}
		if known[port.Target] {
			return fmt.Errorf("%s.ports: target %d is listed twice: keep one of them", bluegreen.Key, port.Target)
		}
		known[port.Target] = true
	}
	for _, target := range published {
		if !known[target] {
			return fmt.Errorf("%s.ports: %d is published but missing: add {target: %d}, or take it out of ports",
				bluegreen.Key, target, target)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(routed)) {
		if !known[target] {
			return fmt.Errorf("%s.ports: a router's label sends traffic to %d, which is missing: add {target: %d}, or change the label",
				bluegreen.Key, target, target)
		}
	}
	return nil
}
