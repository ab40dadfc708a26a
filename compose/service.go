package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/swarm"
)

// Labels that docker stack deploy writes.
const (
	// LabelNamespace holds the stack's name on all that a stack made.
	LabelNamespace = "com.docker.stack.namespace"
	// LabelImage holds the image of a service as the file names it.
	LabelImage = "com.docker.stack.image"
)

func (m *model) services(p *Project) error {
	return m.eachService(func(s types.ServiceConfig) error {
		spec, err := m.serviceSpec(s)
		if err != nil {
			return err
		}
		p.Services = append(p.Services, Service{Name: s.Name, Spec: spec, NetworkMode: m.predefinedNetwork(s), DependsOn: m.dependsOn(s)})
		return nil
	})
}

// serviceSpec is the body of the create call for a service, as docker stack deploy sends it.
func (m *model) serviceSpec(s types.ServiceConfig) (swarm.ServiceSpec, error) {
	deploy := deployOf(s)
	raw := m.rawService(s.Name)
	containerSpec, err := m.containerSpec(s, raw)
	if err != nil {
		return swarm.ServiceSpec{}, err
	}
	mode, err := serviceMode(s)
	if err != nil {
		return swarm.ServiceSpec{}, err
	}
	task, err := m.taskSpec(s, raw, containerSpec)
	if err != nil {
		return swarm.ServiceSpec{}, err
	}
	endpoint, err := m.endpoint(s)
	if err != nil {
		return swarm.ServiceSpec{}, err
	}
	labels := m.labeled(dig(raw, "deploy", "labels"))
	labels[LabelImage] = s.Image
	return swarm.ServiceSpec{
		Annotations:    swarm.Annotations{Name: m.scope(s.Name), Labels: labels},
		TaskTemplate:   task,
		Mode:           mode,
		UpdateConfig:   updateConfig(deploy.UpdateConfig),
		RollbackConfig: updateConfig(deploy.RollbackConfig),
		EndpointSpec:   endpoint,
	}, nil
}

func (m *model) taskSpec(s types.ServiceConfig, raw map[string]any, spec *swarm.ContainerSpec) (swarm.TaskSpec, error) {
	resources, err := resources(s, raw)
	if err != nil {
		return swarm.TaskSpec{}, err
	}
	restart, err := restartPolicy(s)
	if err != nil {
		return swarm.TaskSpec{}, err
	}
	attachments, err := m.attachments(s)
	if err != nil {
		return swarm.TaskSpec{}, err
	}
	return swarm.TaskSpec{
		ContainerSpec: spec,
		LogDriver:     logDriver(s, raw),
		Resources:     resources,
		RestartPolicy: restart,
		Placement:     placement(deployOf(s).Placement, s.Platform),
		Networks:      attachments,
	}, nil
}

// labeled reads labels in either form and adds the stack's.
func (m *model) labeled(value any) map[string]string {
	labels := stringMap(value)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelNamespace] = m.stack
	return labels
}

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
			return fmt.Errorf("depends_on.%s.condition: %s needs a service that ends, and Swarm starts this one again and again: "+
				"set deploy.mode: %s in %s", d.Service, Completed, modeReplicatedJob, d.Service)
		}
	}
	return nil
}

func isJob(s types.ServiceConfig) bool {
	mode := deployOf(s).Mode
	return mode == modeReplicatedJob || mode == modeGlobalJob
}

func deployOf(s types.ServiceConfig) types.DeployConfig {
	if s.Deploy == nil {
		return types.DeployConfig{}
	}
	return *s.Deploy
}
