package compose

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
)

// Labels by which Traefik is told which network it reaches a service on. It refuses a service with
// labels of both families ("both Docker and Swarm labels are defined", Traefik 3.7,
// pkg/provider/docker/shared_labels.go); versions before know the first only.
const (
	traefikDockerNetwork = "traefik.docker.network"
	traefikSwarmNetwork  = "traefik.swarm.network"
)

// routerNetworks names, in labels of the proxies, the network on which Traefik reaches them. Where
// nothing names it Traefik takes any network that a task is on, at random (getIPAddress in
// pkg/provider/docker/config.go): of the proxies that may be the control network, on which it is
// not.
func (m *model) routerNetworks(p *Project) error {
	return p.eachBlueGreen(func(s *Service) error {
		label, given := TraefikNetwork(s.Spec.Labels)
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

// TraefikNetwork is the label that names the network to Traefik, and the network that it names,
// empty for none. The label is empty where Traefik does not send traffic to the service.
func TraefikNetwork(labels map[string]string) (label, network string) {
	label = traefikDockerNetwork
	used := false
	if traefikDisabled(labels) {
		return "", ""
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		switch lower := strings.ToLower(name); {
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

// traefikDisabled says whether Traefik is told to leave the service alone.
func traefikDisabled(labels map[string]string) bool {
	for label, value := range labels {
		if on, err := strconv.ParseBool(value); strings.EqualFold(label, "traefik.enable") && err == nil && !on {
			return true
		}
	}
	return false
}

// How often routers ask the swarm for tasks when nothing else is said to them, with some time to
// spare: 15 s are Traefik's providers.swarm.refreshSeconds, 30 s caddy-docker-proxy's
// CADDY_DOCKER_POLLING_INTERVAL.
const (
	traefikRefresh = 20 * time.Second
	caddyRefresh   = 35 * time.Second
)

// RouterOf is the router that the labels of a service are for; the zero Router where there is none.
func RouterOf(labels map[string]string) Router {
	if network, _ := TraefikNetwork(labels); network != "" {
		return Router{Refresh: traefikRefresh, ByAddress: traefikByAddress(network, labels)}
	}
	for label := range labels {
		if caddyLabel().MatchString(strings.ToLower(label)) {
			return Router{Refresh: caddyRefresh}
		}
	}
	return Router{}
}

var (
	traefikOneLabel = lazy(`^traefik\.(?:(?:[^.]+\.)?(?:port|protocol|weight|frontend\..+)|backend(?:\..+)?)$`)
	traefikTwoLabel = lazy(`^traefik\.(http|tcp|udp|swarm)\.`)
)

// traefikByAddress are the labels by which Traefik sends to the virtual address. Traefik 1 has
// another one than its successors (its provider/docker/config.go). Where no label tells which it
// is, both stand: neither reads the other's.
func traefikByAddress(network string, labels map[string]string) map[string]string {
	one, two := false, false
	for label := range labels {
		one = one || traefikOneLabel().MatchString(strings.ToLower(label))
		two = two || traefikTwoLabel().MatchString(strings.ToLower(label))
	}
	family, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(network), "traefik."), ".")
	byAddress := map[string]string{}
	if one || !two {
		byAddress["traefik.backend.loadbalancer.swarm"] = "true"
	}
	if two || !one {
		byAddress["traefik."+family+".lbswarm"] = "true"
	}
	return byAddress
}

// RouterNetwork is the label that names, to the router that labels are for, a network on which it
// reaches the service; nil where the labels name one already or the router needs none.
func RouterNetwork(labels map[string]string, network string) map[string]string {
	label, given := TraefikNetwork(labels)
	if label == "" || given != "" {
		return nil
	}
	return map[string]string{label: network}
}

// reachedOn decides on which of its networks Traefik reaches a service; given is what the label in
// the file says.
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
			m.warnf(s.Name, "deploy.labels: %s: the service is not on the network %s, so its only network %s is used: correct the label", label, given, names[0])
		}
		return names[0], nil
	case given != "":
		return "", fmt.Errorf("%s: the service is not on the network %s: write a network that Traefik is on too: %s", label, given, oneOf(names))
	case len(shared) > 0:
		return shared[0], nil
	}
	return "", fmt.Errorf("the service is on %d networks, and Traefik would choose one at random: add the label %s with a network that Traefik is on too: %s",
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

// sharedWithTraefik are those of the networks that a Traefik of the same file is on: it reaches a
// service on any of them.
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
