package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// check finds what is wrong with the file as a whole, before services are converted one by one.
func (m *model) check() error {
	if len(m.project.Services) == 0 {
		if len(m.project.DisabledServices) > 0 {
			return errors.New("services: none is in an active profile: name profiles with --profile")
		}
		return errors.New("services: there is none: define at least one")
	}
	err := m.eachService(func(s types.ServiceConfig) error {
		m.warnDependsOn(s)
		m.warnHealthcheck(s)
		return errors.Join(checkName(m.scope(s.Name)), m.checkDependencies(s))
	})
	return errors.Join(err, m.checkCycles())
}

func (m *model) warnDependsOn(s types.ServiceConfig) {
	for name, dependency := range s.DependsOn {
		if _, ok := m.project.Services[name]; ok || !dependency.Required {
			continue
		}
		if _, ok := m.project.DisabledServices[name]; ok {
			m.warnf(s.Name, "depends_on: %s is in no active profile, so up does not wait for it", name)
			continue
		}
		m.warnf(s.Name, "depends_on: the file has no service %s: correct the name, or take it out", name)
	}
}

// checkCycles finds services that depend on themselves over others.
func (m *model) checkCycles() error {
	done := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(m.project.Services)) {
		if cycle := m.cycle(name, nil, done); cycle != nil {
			return fmt.Errorf("depends_on goes in a circle, %s: take one of them out", strings.Join(cycle, " -> "))
		}
	}
	return nil
}

// cycle follows depends_on from a service and returns the first circle, nil if there is none.
func (m *model) cycle(name string, path []string, done map[string]bool) []string {
	if at := slices.Index(path, name); at >= 0 {
		return append(slices.Clone(path[at:]), name)
	}
	if done[name] {
		return nil
	}
	for _, next := range m.dependsOn(m.project.Services[name]) {
		if cycle := m.cycle(next.Service, append(path, name), done); cycle != nil {
			return cycle
		}
	}
	done[name] = true
	return nil
}

// checkSpecs finds what Swarm would refuse, and names that would meet those of colors.
func (m *model) checkSpecs(p *Project) error {
	errs := []error{m.checkServiceNames(p)}
	for _, s := range p.Services {
		if err := checkPorts(s.Spec.EndpointSpec); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, err))
		}
		if s.BlueGreen != nil {
			errs = append(errs, checkColors(s, p))
		}
	}
	return errors.Join(errs...)
}

// longestSuffix is the longest that is added to the name of a blue-green service: its colors' tasks
// are found under a DNS name that ends so.
const longestSuffix = "-green-servers"

// checkColors sees to it that nothing else has the names of a service's colors.
func checkColors(s Service, p *Project) error {
	if length := len(s.Spec.Name) + len(longestSuffix); length > maxName {
		return fmt.Errorf("service %s: %q has %d characters, and a blue-green service may have %d, because DNS "+
			"limits the names of its colors: shorten it, or the stack's name",
			s.Name, s.Spec.Name, len(s.Spec.Name), maxName-len(longestSuffix))
	}
	for _, color := range []string{"-blue", "-green"} {
		for _, other := range p.Services {
			if strings.EqualFold(other.Name, s.Name+color) {
				return fmt.Errorf("service %s: the blue-green service %s has a color of that name: rename one of them",
					other.Name, s.Name)
			}
			if alias := aliasOf(other, s.Name+color, s.Spec.Name+color, s.Spec.Name+color+"-servers"); alias != "" {
				return fmt.Errorf("service %s: networks: the alias %s is the name of a color of %s: use another alias",
					other.Name, alias, s.Name)
			}
			if strings.EqualFold(other.Spec.Name, s.Spec.Name+color+"-servers") {
				return fmt.Errorf("service %s: the tasks of a color of the blue-green service %s have that name: rename one of them",
					other.Name, s.Name)
			}
		}
	}
	return nil
}

// aliasOf returns the first alias of a service that is one of names, empty if there is none. DNS
// heeds no case.
func aliasOf(s Service, names ...string) string {
	for _, attachment := range s.Spec.TaskTemplate.Networks {
		for _, alias := range attachment.Aliases {
			if slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, alias) }) {
				return alias
			}
		}
	}
	return ""
}
