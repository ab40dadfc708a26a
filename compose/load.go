package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Load reads compose files and converts them to what the swarm must hold for them. It needs no
// engine. An error names the file, the service and the key, and what to write instead; values of
// secrets are never part of it. What Swarm cannot do is no error but one of Project.Warnings.
func Load(ctx context.Context, o Options) (*Project, error) {
	src, err := read(o)
	if err != nil {
		return nil, err
	}
	name, given, err := src.stackName(o)
	if err != nil {
		return nil, err
	}
	m, err := src.load(ctx, name, o.Profiles)
	if err != nil {
		return nil, err
	}
	p, err := m.convert()
	if err != nil {
		return nil, src.located(withUnset(err, m.warnings))
	}
	p.Named = given
	return p, nil
}

// withUnset adds to an error which variables are not set: that may be why.
func withUnset(err error, warnings []string) error {
	for _, w := range warnings {
		if strings.HasPrefix(w, unsetWarning) {
			err = errors.Join(err, errors.New(w))
		}
	}
	return err
}

// convert turns a loaded model into the terms of the swarm API.
func (m *model) convert() (*Project, error) {
	if err := errors.Join(m.checkExtension(), m.check()); err != nil {
		return nil, err
	}
	p := &Project{Name: m.stack, Resolved: m.resolved(), Disabled: slices.Sorted(maps.Keys(m.project.DisabledServices))}
	steps := []func(*Project) error{m.services, m.networks, m.secrets, m.configs, m.blueGreen, m.behindProxies, m.routerNetworks, m.checkSpecs}
	for _, step := range steps {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	m.warnUnsupported()
	slices.Sort(m.warnings)
	p.Warnings = slices.Compact(m.warnings)
	p.Notes = m.env.note()
	return p, nil
}

// Strict is an error that lists all warnings, nil when there are none.
func Strict(warnings []string) error {
	if len(warnings) == 0 {
		return nil
	}
	return errors.New("with --strict these are errors:\n" + strings.Join(warnings, "\n"))
}

// warnf keeps a sentence about a key of a service that cannot be honoured.
func (m *model) warnf(service, format string, args ...any) {
	m.warnings = append(m.warnings, "service "+service+": "+fmt.Sprintf(format, args...))
}

// scope makes the name on the swarm of something that the file names.
func (m *model) scope(name string) string { return m.stack + "_" + name }

// nameOf is the name on the swarm of something that may carry one of its own.
func (m *model) nameOf(key, name string, external bool) string {
	switch {
	case name != "":
		return name
	case external:
		return key
	default:
		return m.scope(key)
	}
}
