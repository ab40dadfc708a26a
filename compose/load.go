package compose

import (
	"context"
	"errors"
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
	p.Named, p.Files, p.Dir = given, src.names, src.dir
	for _, w := range p.Warnings {
		p.WarningPlaces = append(p.WarningPlaces, src.find(w))
	}
	return p, nil
}

// Profiles are the profiles that services of the files name, sorted.
func Profiles(ctx context.Context, o Options) ([]string, error) {
	src, err := read(o)
	if err != nil {
		return nil, err
	}
	name, _, err := src.stackName(o)
	if err != nil {
		return nil, err
	}
	m, err := src.load(ctx, name, []string{"*"})
	if err != nil {
		return nil, err
	}
	var all []string
	for _, s := range m.project.AllServices() {
		all = append(all, s.Profiles...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// convert turns a loaded model into the terms of the swarm API.
func (m *model) convert() (*Project, error) {
	if err := errors.Join(m.checkExtension(), m.check()); err != nil {
		return nil, err
	}
	p := &Project{Name: m.stack, Resolved: m.resolved(), Disabled: slices.Sorted(maps.Keys(m.project.DisabledServices))}
	if err := errors.Join(m.services(p), m.networks(p), m.secrets(p), m.configs(p)); err != nil {
		return nil, errors.Join(err, settingErrors(m.raw))
	}
	for _, step := range []func(*Project) error{m.blueGreen, m.tests, m.behindProxies, m.routerNetworks, m.checkSpecs} {
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

// RefuseWarnings is Strict for the warnings of the file, with their places.
func (p *Project) RefuseWarnings() error {
	err := Strict(p.Warnings)
	if err == nil {
		return nil
	}
	return &FileError{Problems: append([]Problem{{Text: strictly}}, p.WarningPlaces...), err: err}
}

const strictly = "with --strict these are errors:"

// Strict is an error that lists all warnings, nil when there are none.
func Strict(warnings []string) error {
	if len(warnings) == 0 {
		return nil
	}
	return errors.New(strictly + "\n" + strings.Join(warnings, "\n"))
}
