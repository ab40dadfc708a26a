package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// model is a project as compose-go loaded it.
type model struct {
	stack string
	files string
	// dir is the folder that relative paths start from.
	dir string
	// project is what the active profiles select. What raw is read for is missing from it.
	project *types.Project
	// raw is the merged file before it was bound to types. Maps with keys of the user's own,
	// commands and cpus are read from it, since binding changes them.
	raw      map[string]any
	env      *environment
	warnings []string
}

// eachService runs f for all services by name and joins their errors, so that one look shows all of
// them.
func (m *model) eachService(f func(s types.ServiceConfig) error) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(m.project.Services)) {
		if err := f(m.project.Services[name]); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

// rawService is what the file says of a service.
func (m *model) rawService(name string) map[string]any {
	return tree.Mapping(tree.Dig(m.raw, "services", name))
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

func deployOf(s types.ServiceConfig) types.DeployConfig {
	if s.Deploy == nil {
		return types.DeployConfig{}
	}
	return *s.Deploy
}

// labeled reads labels in either form and adds the stack's.
func (m *model) labeled(value any) map[string]string {
	labels := tree.StringMap(value)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelNamespace] = m.stack
	return labels
}
