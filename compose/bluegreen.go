package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// blueGreen decodes the settings of all services that have x-bluegreen, even if it is empty.
func (m *model) blueGreen(p *Project) error {
	defaults, control, err := bluegreen.DecodeTop(bluegreen.Key, m.raw[bluegreen.Key])
	p.Control = control
	if err == nil {
		page, _ := tree.Dig(defaults, "maintenance", "page").(string)
		_, err = m.page(page)
	}
	errs := []error{err}
	if err != nil {
		defaults = nil
	}
	for i := range p.Services {
		s := &p.Services[i]
		value, ok := m.rawService(s.Name)[bluegreen.Key]
		if !ok {
			continue
		}
		settings, err := m.serviceSettings(s, value, bluegreen.Overlay(defaults, value))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.BlueGreen = settings
		m.warnContainerLabels(*s)
	}
	return errors.Join(errs...)
}

// settingErrors are what is wrong with all settings of a file, where it cannot be converted because
// of other mistakes.
func settingErrors(file map[string]any) error {
	defaults, _, err := bluegreen.DecodeTop(bluegreen.Key, file[bluegreen.Key])
	errs := []error{err}
	if err != nil {
		defaults = nil
	}
	services := tree.Mapping(file["services"])
	for _, name := range slices.Sorted(maps.Keys(services)) {
		if value, ok := tree.Mapping(services[name])[bluegreen.Key]; ok {
			_, err := bluegreen.Decode(settingsOf(name), bluegreen.Overlay(defaults, value))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// settingsOf is where the settings of a service stand.
func settingsOf(service string) string { return fmt.Sprintf("service %s: %s", service, bluegreen.Key) }

// serviceSettings decodes the settings of a service, and reads its maintenance page: own are those
// that stand in it, value those with the defaults.
func (m *model) serviceSettings(s *Service, own, value any) (*bluegreen.Settings, error) {
	settings, err := bluegreen.Decode(settingsOf(s.Name), value)
	if err != nil {
		return nil, err
	}
	if err = checkBlueGreen(*s); err == nil {
		err = m.choosePorts(*s, settings)
	}
	if err == nil {
		err = checkHealthPort(settings, own)
	}
	if err == nil {
		err = checkPage(settings, own)
	}
	if err == nil {
		s.MaintenancePage, err = m.page(settings.Page)
	}
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", s.Name, err)
	}
	return settings, nil
}

// checkBlueGreen finds what no blue-green service can be.
func checkBlueGreen(s Service) error {
	if s.NetworkMode != "" {
		return fmt.Errorf("network_mode: %s: proxies cannot find tasks there, so the service cannot be blue-green: take %s out of it", s.NetworkMode, bluegreen.Key)
	}
	mode := s.Spec.Mode
	if mode.ReplicatedJob != nil || mode.GlobalJob != nil {
		return fmt.Errorf("%s: a job gets no traffic: take %s out", "deploy.mode", bluegreen.Key)
	}
	if mode.Replicated != nil && mode.Replicated.Replicas != nil && *mode.Replicated.Replicas > bluegreen.MaxReplicas {
		return fmt.Errorf("deploy.replicas: %d is more than %d, and one answer of docker's DNS lists no more tasks: "+
			"use fewer and larger ones", *mode.Replicated.Replicas, bluegreen.MaxReplicas)
	}
	if mode.Replicated != nil && mode.Replicated.Replicas != nil && *mode.Replicated.Replicas == 0 {
		return fmt.Errorf("deploy.replicas: with 0 no task can get traffic, so a flip is impossible: "+
			"give it 1 or more, or take %s out to stop the service", bluegreen.Key)
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
func checkHealthPort(settings *bluegreen.Settings, own any) error {
	if settings.Health.Path == "" || settings.Health.Port != 0 {
		return nil
	}
	if slices.ContainsFunc(settings.Ports, func(p bluegreen.Port) bool { return p.Mode != bluegreen.ModeTCP }) {
		return nil
	}
	if tree.Dig(own, "health", "path") == nil {
		settings.Health.Path = ""
		return nil
	}
	return fmt.Errorf("%s.health: no port is asked for path, because port %d is mode tcp: write health.port with a port that answers it, "+
		"or write ports: [{target: %d, mode: http}]", bluegreen.Key, settings.Ports[0].Target, settings.Ports[0].Target)
}
