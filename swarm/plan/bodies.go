package plan

import (
	"fmt"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Bodies are what an up sends to create a project on a swarm that holds nothing of it, by name on
// the swarm, each as in the create calls of the Engine API. Where the API has ids there are names;
// the data of secrets is left out; images are as the file names them, and the address range of the
// control network, which the swarm chooses, is empty.
type Bodies struct {
	Networks map[string]network.CreateRequest `json:"networks"`
	Secrets  map[string]api.SecretSpec        `json:"secrets"`
	Configs  map[string]api.ConfigSpec        `json:"configs"`
	Services map[string]api.ServiceSpec       `json:"services"`
}

// anyVersion is newer than all versions of the API that drop something: the file is shown, not an
// engine.
const anyVersion = "1.99"

// BodiesOf returns the bodies for a project. They come from the plan for an empty swarm on which
// all that the file calls external exists. It needs no engine.
func BodiesOf(p *compose.Project) (Bodies, error) {
	plan, err := ForUp(p, emptySwarm(p), &Images{}, UpOptions{})
	if err != nil {
		return Bodies{}, err
	}
	b := Bodies{Networks: map[string]network.CreateRequest{}, Secrets: map[string]api.SecretSpec{},
		Configs: map[string]api.ConfigSpec{}, Services: map[string]api.ServiceSpec{}}
	for _, s := range plan.Steps {
		switch s.Do {
		case CreateNetwork:
			b.Networks[s.Name] = network.CreateRequest{Name: s.Name, CreateOptions: s.Network.Create}
		case CreateSecret:
			spec := s.Secret.Spec
			spec.Data = nil
			b.Secrets[s.Name] = spec
		case CreateConfig:
			b.Configs[s.Name] = s.Config.Spec
		case CreatePlain, StartColor, CreateProxies:
			b.Services[s.Name] = ReferringByName(*s.Spec)
			for name, content := range s.Files {
				b.Configs[name] = cluster.FileSpec(p.Name, name, content)
			}
		case Await, AwaitStarted, CheckPorts:
		default:
			return b, fmt.Errorf("the plan for an empty swarm has the step %q", s)
		}
	}
	return b, nil
}

// emptySwarm holds what the file calls external, and nothing else.
func emptySwarm(p *compose.Project) *cluster.Snapshot {
	seen := cluster.NewSnapshot(p.Name)
	seen.APIVersion = anyVersion
	for name, n := range p.Networks {
		if n.External {
			seen.Networks[name] = network.Summary{Name: name, Scope: "swarm"}
		}
	}
	for name, s := range p.Secrets {
		if s.External {
			seen.Secrets[name] = api.Secret{}
		}
	}
	for name, c := range p.Configs {
		if c.External {
			seen.Configs[name] = api.Config{}
		}
	}
	return seen
}

// ReferringByName puts names where the API has ids.
func ReferringByName(spec api.ServiceSpec) api.ServiceSpec {
	spec = cluster.Clone(spec)
	for _, s := range spec.TaskTemplate.ContainerSpec.Secrets {
		s.SecretID = s.SecretName
	}
	for _, c := range spec.TaskTemplate.ContainerSpec.Configs {
		c.ConfigID = c.ConfigName
	}
	return spec
}
