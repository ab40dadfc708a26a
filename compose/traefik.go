package compose

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
)

// Labels by which Traefik is told which network it reaches a service on. It refuses a service with labels of both
// families ("both Docker and Swarm labels are defined", Traefik 3.7, pkg/provider/docker/shared_labels.go); versions
// before know the first only.
const (
	traefikDockerNetwork = "traefik.docker.network"
	traefikSwarmNetwork  = "traefik.swarm.network"
)

// RouterNetworkLabels are the labels by which routers are told which network they reach a service on.
var RouterNetworkLabels = []string{traefikDockerNetwork, traefikSwarmNetwork}

// routerNetworks names, in labels of the proxies, the network on which Traefik reaches them. Where nothing
// names it Traefik takes any network that a task is on, at random (getIPAddress in pkg/provider/docker/config.go): of the
// proxies that may be the control network, on which it is not.
func (m *model) routerNetworks(p *Project) error {
	return p.eachBlueGreen(func(s *Service) error {
		label, given := traefikNetwork(s.Spec.Labels)
		s.Router = routerOf(s.Spec.Labels, label)
		if label == "" {
			return nil
		}
		network, err := m.reachedOn(p, *s, label, given)
		if err != nil {
			return fmt.Errorf("deploy.labels: %w", err)
		}
		if network != given {
			s.ProxyLabels = map[string]string{label: network}
		}
		return nil
	})
}

// traefikNetwork is the label that names the network to Traefik, and the network that it names, empty for none. The label
// is empty where Traefik does not send traffic to the service.
func traefikNetwork(labels map[string]string) (label, network string) {
	label = traefikDockerNetwork
	used := false
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch lower := strings.ToLower(name); {
		case lower == "traefik.enable" && strings.EqualFold(labels[name], "false"):
			return "", ""
		case lower == traefikDockerNetwork || lower == traefikSwarmNetwork:
			return name, labels[name]
		case strings.HasPrefix(lower, "traefik.swarm."):
			label, used = traefikSwarmNetwork, true
		case strings.HasPrefix(lower, "traefik."):
			used = true
		}
	}
	if !used {
		return "", ""
	}
	return label, ""
}

// How often routers ask the swarm for tasks when nothing else is said to them, with some time to spare: 15 s are
// Traefik's providers.swarm.refreshSeconds, 30 s caddy-docker-proxy's CADDY_DOCKER_POLLING_INTERVAL.
const (
	traefikRefresh = 20 * time.Second
	caddyRefresh   = 35 * time.Second
)

// routerOf is the router that the labels of a service are for; network is Traefik's label for the network, empty where
// they are not for Traefik.
func routerOf(labels map[string]string, network string) Router {
	if network != "" {
		return Router{Refresh: traefikRefresh, ByAddress: strings.TrimSuffix(network, "network") + "lbswarm"}
	}
	for label := range labels {
		if caddyLabel.MatchString(strings.ToLower(label)) {
			return Router{Refresh: caddyRefresh}
		}
	}
	return Router{}
}

// reachedOn decides on which of its networks Traefik reaches a service; given is what the label in the file says.
func (m *model) reachedOn(p *Project, s Service, label, given string) (string, error) {
	names := networksOf(s)
	shared := sharedWithTraefik(p, names)
	switch {
	case slices.Contains(names, given), len(names) == 0:
		return given, nil
	case slices.Contains(names, m.scope(given)):
		m.warnf(s.Name, "deploy.labels: %s: %s is called %s on the swarm, and Traefik looks for that name: write it", label, given, m.scope(given))
		return m.scope(given), nil
	case len(names) == 1:
		if given != "" {
			m.warnf(s.Name, "deploy.labels: %s: the service is not on the network %s: %s is taken, the only one that it is on", label, given, names[0])
		}
		return names[0], nil
	case given != "":
		return "", fmt.Errorf("%s: the service is not on the network %s: name the one that Traefik is on too, %s", label, given, oneOf(names))
	case len(shared) > 0:
		return shared[0], nil
	}
	return "", fmt.Errorf("the service is on %d networks, and Traefik would choose one at random: add the label %s with the one that Traefik is on too, %s",
		len(names), label, oneOf(names))
}

// networksOf are the names of the networks that a service is on, sorted.
func networksOf(s Service) []string {
	var names []string
	for _, n := range s.Spec.TaskTemplate.Networks {
		names = append(names, n.Target)
	}
	slices.Sort(names)
	return names
}

// sharedWithTraefik are those of the networks that a Traefik of the same file is on: it reaches a service on any of them.
func sharedWithTraefik(p *Project, networks []string) []string {
	var shared []string
	for _, s := range p.Services {
		if !isTraefik(s.Spec.TaskTemplate.ContainerSpec.Image) {
			continue
		}
		for _, n := range networksOf(s) {
			if slices.Contains(networks, n) {
				shared = append(shared, n)
			}
		}
	}
	return shared
}

func isTraefik(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	return err == nil && path.Base(reference.Path(named)) == "traefik"
}

// oneOf lists alternatives: "a, b or c".
func oneOf(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
