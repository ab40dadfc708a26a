// Package compose turns compose files into what a swarm must hold for them, without an engine.
package compose

import (
	"errors"
	"fmt"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// Project is a stack file, loaded, checked and converted to the terms of the swarm API.
type Project struct {
	// Name is the stack's name as given: the value of com.docker.stack.namespace.
	Name string
	// Named says that the name was given for this stack, by an option, a variable of the shell or
	// the file. Else it is that of a folder, or of a .env file, which docker stack deploy does not
	// read.
	Named bool
	// Files are the stack files as the user named them, and Dir is the folder that they are read from.
	Files, Dir string
	// Networks, Secrets and Configs are keyed by their name on the swarm.
	Networks map[string]Network
	Secrets  map[string]Secret
	Configs  map[string]Config
	// Services are all services of the file that the active profiles select, sorted by name.
	Services []Service
	// Control is what the file says of the network between proxies.
	Control bluegreen.Control
	// Resolved is the merged file with variables replaced, without the content of secrets.
	Resolved map[string]any
	// Disabled are the names of the services of the file that no active profile selects, sorted.
	Disabled []string
	// Warnings are sentences about keys of the file that Swarm cannot honour, and about variables
	// that are not set. Each names the service and what follows.
	Warnings []string
	// WarningPlaces are Warnings with the places that they are about, in the same order.
	WarningPlaces []Problem
	// Notes are sentences about what was read otherwise than docker stack deploy reads it. They ask
	// for nothing.
	Notes []string
}

// Network is one network that the services of a project use.
type Network struct {
	// External says that the network must exist already and is never created or removed.
	External bool
	// Create is the body of the create call; zero for an external network.
	Create network.CreateOptions
}

// Secret is one secret that the services of a project use. Its data is never printed.
type Secret struct {
	External bool
	// Spec is the body of the create call; zero for an external secret.
	Spec swarm.SecretSpec
}

// Config is one config that the services of a project use.
type Config struct {
	External bool
	// Spec is the body of the create call; zero for an external config.
	Spec swarm.ConfigSpec
}

// Service is one service of a project.
type Service struct {
	// Name is the key of the service in the file, for example web.
	Name string
	// Spec is what docker stack deploy sends for the service. Networks, secrets and configs
	// are named, not identified: Target of a network attachment is the network's name, and
	// the SecretID and ConfigID of references are empty.
	Spec swarm.ServiceSpec
	// NetworkMode is the network of network_mode, host or bridge, where that is carried out; docker
	// stack deploy drops it.
	NetworkMode string
	// BlueGreen is the decoded x-bluegreen with all defaults filled in; nil for a plain service.
	BlueGreen *bluegreen.Settings
	// MaintenancePage is what the proxies of a blue-green service answer in maintenance, HTML; empty
	// for words of their own. It is a file of theirs, and in no label.
	MaintenancePage string `json:"-"`
	// ProxyLabels are labels that the proxies of a blue-green service carry beside those of Spec,
	// or in their place: what routers in front must know since there are proxies. It may be nil.
	ProxyLabels map[string]string
	// TestOf is the blue-green service whose releases this job tests: it runs only then. Empty for
	// all others.
	TestOf string
	// DependsOn are the services of this project that this one waits for, sorted by name.
	DependsOn []Dependency
}

// Router is a reverse proxy that asks the swarm for the tasks of a service again and again.
type Router struct {
	// Refresh is how long it may take to see that a task came or went.
	Refresh time.Duration
	// ByAddress are the labels by which it is told to send to the service's virtual address instead
	// of to its tasks; nil where it cannot be told.
	ByAddress map[string]string
}

// Conditions of a dependency, as the compose specification has them.
const (
	// Started is met when all tasks have been started.
	Started = types.ServiceConditionStarted
	// Healthy is met when all tasks run and are healthy, and for a blue-green service once it was
	// flipped.
	Healthy = types.ServiceConditionHealthy
	// Completed is met when a job has ended with success.
	Completed = types.ServiceConditionCompletedSuccessfully
)

// Dependency is one entry of depends_on.
type Dependency struct {
	// Service is the key of the service that is waited for.
	Service string `json:"service"`
	// Condition is Started, Healthy or Completed; always Completed for a job.
	Condition string `json:"condition"`
	// Optional says that the failure of the other service is only a warning (required: false).
	Optional bool `json:"optional,omitempty"`
}

// eachBlueGreen runs f for all blue-green services and joins their errors.
func (p *Project) eachBlueGreen(f func(s *Service) error) error {
	var errs []error
	for i := range p.Services {
		s := &p.Services[i]
		if s.BlueGreen == nil {
			continue
		}
		if err := f(s); err != nil {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, err))
		}
	}
	return errors.Join(errs...)
}

// Labels that docker stack deploy writes.
const (
	// LabelNamespace holds the stack's name on all that a stack made.
	LabelNamespace = "com.docker.stack.namespace"
	// LabelImage holds the image of a service as the file names it.
	LabelImage = "com.docker.stack.image"
)
