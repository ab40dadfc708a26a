package compose

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxReplicas is how many tasks one answer of docker's DNS lists.
const maxReplicas = 60

// The defaults of durations and counts.
const (
	defaultDrain    = 30 * time.Second
	defaultTimeout  = 5 * time.Minute
	defaultInterval = time.Second
	defaultRise     = 2
	defaultFall     = 3
)

// shortest is the shortest duration that HAProxy can tell from none.
const shortest = time.Millisecond

// blueGreen decodes the settings of all services that have x-bluegreen, even if it is empty.
func (m *model) blueGreen(p *Project) error {
	defaults := m.raw[extension]
	_, err := settingsOf(extension, defaults)
	errs := []error{err}
	if err != nil {
		defaults = nil
	}
	for i, s := range p.Services {
		value, ok := m.rawService(s.Name)[extension]
		if !ok {
			continue
		}
		settings, err := m.serviceSettings(s, value, overlay(defaults, value))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		p.Services[i].BlueGreen = settings
		m.warnContainerLabels(s)
	}
	return errors.Join(errs...)
}

// serviceSettings decodes the settings of a service: own are those that stand in it, value those
// with the defaults.
func (m *model) serviceSettings(s Service, own, value any) (*Settings, error) {
	settings, err := settingsOf(fmt.Sprintf("service %s: %s", s.Name, extension), value)
	if err != nil {
		return nil, err
	}
	if err = checkBlueGreen(s); err == nil {
		err = m.choosePorts(s, settings)
	}
	if err == nil {
		err = checkHealthPort(settings, own)
	}
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", s.Name, err)
	}
	return settings, nil
}

// settingsOf reads x-bluegreen as a decoded YAML value, nil for an empty one, and fills in the
// defaults. The error joins all that is wrong, each with its place; at is where the value stands.
func settingsOf(at string, value any) (*Settings, error) {
	f := newField(at, value)
	settings := decodeSettings(f)
	return settings, f.err()
}

// decodeSettings reads all keys. Ports, and the modes of ports, stay empty when the file does not
// give them.
func decodeSettings(f field) *Settings {
	keys := f.keys("ports", "health", "proxy", "drain", "keep", "timeout")
	return &Settings{
		Release: Release{Ports: decodePorts(keys["ports"]), Health: decodeHealth(keys["health"])},
		Proxy:   decodeProxy(keys["proxy"]),
		Drain:   keys["drain"].duration(defaultDrain, 0),
		Keep:    keys["keep"].oneOf(KeepWarm, KeepWarm, KeepCold),
		Timeout: keys["timeout"].duration(defaultTimeout, shortest),
	}
}

func decodePorts(f field) []Port {
	var ports []Port
	for _, item := range f.list("ports such as {target: 8080, mode: http}") {
		keys := item.keys("target", "mode")
		if !item.given() || mapping(item.value) != nil && !keys["target"].given() {
			item.errorf("target is missing: give the port inside the container")
		}
		ports = append(ports, Port{
			Target: uint16(keys["target"].number(0, 1, maxPort)),
			Mode:   keys["mode"].oneOf("", ModeHTTP, ModeH2, ModeTCP),
		})
	}
	if items, ok := f.value.([]any); ok && len(items) == 0 {
		f.errorf("there is no port in it: name at least one, or leave the key out")
	}
	return ports
}

func decodeHealth(f field) Health {
	keys := f.keys("path", "port", "interval", "timeout", "rise", "fall")
	path := keys["path"].text("")
	if path != "" && !validPath.MatchString(path) {
		keys["path"].errorf("%q is no path: begin it with / and percent-encode blanks and quotes", path)
	}
	return Health{
		Path:     path,
		Port:     uint16(keys["port"].number(0, 1, maxPort)),
		Interval: keys["interval"].duration(defaultInterval, shortest),
		Timeout:  keys["timeout"].duration(defaultInterval, shortest),
		Rise:     keys["rise"].number(defaultRise, 1, 100),
		Fall:     keys["fall"].number(defaultFall, 1, 100),
	}
}

// overlay lays the settings of a service over the defaults; lists are replaced as a whole.
func overlay(defaults, value any) any {
	under, over := mapping(defaults), mapping(value)
	if value == nil {
		return defaults
	}
	if under == nil || over == nil {
		return value
	}
	out := map[string]any{}
	for key, item := range under {
		out[key] = item
	}
	for key, item := range over {
		out[key] = overlay(under[key], item)
	}
	return out
}

// checkBlueGreen finds what no blue-green service can be.
func checkBlueGreen(s Service) error {
	if s.NetworkMode != "" {
		return fmt.Errorf("network_mode: %s: proxies cannot find tasks there, so the service cannot be blue-green: take %s out of it", s.NetworkMode, extension)
	}
	mode := s.Spec.Mode
	if mode.ReplicatedJob != nil || mode.GlobalJob != nil {
		return fmt.Errorf("%s: a job takes no traffic that could be switched: take %s out", "deploy.mode", extension)
	}
	if mode.Replicated != nil && mode.Replicated.Replicas != nil && *mode.Replicated.Replicas > maxReplicas {
		return fmt.Errorf("deploy.replicas: %d is more than %d, which is as many tasks as one answer of docker's DNS "+
			"lists: use fewer and larger ones", *mode.Replicated.Replicas, maxReplicas)
	}
	if mode.Replicated != nil && mode.Replicated.Replicas != nil && *mode.Replicated.Replicas == 0 {
		return fmt.Errorf("deploy.replicas: 0 leaves nothing that traffic could be sent to, so it could never be flipped: "+
			"give it 1 or more, or take %s out to stop the service", extension)
	}
	for _, attachment := range s.Spec.TaskTemplate.Networks {
		if !isUserDefined(attachment.Target) {
			return fmt.Errorf("networks: proxies cannot find tasks on the network %s: use an overlay network",
				attachment.Target)
		}
	}
	return nil
}

// checkHealthPort finds a health path that no port would be asked for: on ports of mode tcp a
// connect is enough. A path that is a default of the file does not count there; own are the
// settings that stand in the service.
func checkHealthPort(settings *Settings, own any) error {
	if settings.Health.Path == "" || settings.Health.Port != 0 {
		return nil
	}
	if slices.ContainsFunc(settings.Ports, func(p Port) bool { return p.Mode != ModeTCP }) {
		return nil
	}
	if dig(own, "health", "path") == nil {
		settings.Health.Path = ""
		return nil
	}
	return fmt.Errorf("%s.health: path is asked for on no port, since port %d is mode tcp: name the port that answers it with health.port, "+
		"or write ports: [{target: %d, mode: http}]", extension, settings.Ports[0].Target, settings.Ports[0].Target)
}
