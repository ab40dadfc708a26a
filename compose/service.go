package compose

import (
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
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
	labels := m.labeled(tree.Dig(raw, "deploy", "labels"))
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
