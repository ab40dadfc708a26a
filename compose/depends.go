package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
)

// dependsOn are the services of the file, selected by the profiles, that s waits for.
func (m *model) dependsOn(s types.ServiceConfig) []Dependency {
	var all []Dependency
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		other, ok := m.project.Services[name]
		if !ok {
			continue
		}
		d := Dependency{Service: name, Condition: cmp.Or(s.DependsOn[name].Condition, Started), Optional: !s.DependsOn[name].Required}
		if isJob(other) {
			d.Condition = Completed
		}
		all = append(all, d)
	}
	return all
}

// checkDependencies finds conditions that can never be met.
func (m *model) checkDependencies(s types.ServiceConfig) error {
	for _, d := range m.dependsOn(s) {
		if d.Condition == Completed && !isJob(m.project.Services[d.Service]) {
			return fmt.Errorf("depends_on.%s.condition: %s needs a service that ends, but Swarm restarts this one: "+
				"set deploy.mode: %s in %s", d.Service, Completed, modeReplicatedJob, d.Service)
		}
	}
	return nil
}
