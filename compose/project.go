// Package compose turns compose files into what a swarm must hold for them, without an engine.
package compose

import (
	"errors"
	"fmt"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
)

// Project is a stack file, loaded, checked and converted to the terms of the swarm API.
type Project struct {
	// Name is the stack's name as given: the value of com.docker.stack.namespace.
	Name string
	// Named says that the name was given for this stack, by an option, a variable of the shell or
	// the file. Else it is that of a folder, or of a .env file, which docker stack deploy does not
	// read.
	Named bool
	// Networks, Secrets and Configs are keyed by their name on the swarm.
	Networks map[string]Network
	Secrets  map[string]Secret
	Configs  map[string]Config
	// Services are all services of the file that the active profiles select, sorted by name.
	Services []Service
	// Resolved is the merged file with variables replaced, without the content of secrets.
	Resolved map[string]any
	// Disabled are the names of the services of the file that no active profile selects, sorted.
	Disabled []string
	// Warnings are sentences about keys of the file that Swarm cannot honour, and about variables
	// that are not set. Each names the service and what follows.
	Warnings []string
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
	BlueGreen *Settings
	// ProxyLabels are labels that the proxies of a blue-green service carry beside those of Spec,
	// or in their place: what routers in front must know since there are proxies. It may be nil.
	ProxyLabels map[string]string
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

// Modes of a port: how the proxy treats what arrives there.
const (
	ModeHTTP = "http" // HTTP/1.1 to the service; clients may speak HTTP/1.1
	ModeH2   = "h2"   // HTTP/2 without TLS, on both sides
	ModeTCP  = "tcp"  // bytes
)

// What becomes of the old color after a flip.
const (
	KeepWarm = "warm" // it goes on running: the way back takes a second
	KeepCold = "cold" // it is scaled to 0 once it is drained
)

// Settings is a service's x-bluegreen with all defaults filled in.
type Settings struct {
	Release
	Proxy ProxySettings `json:"proxy"`
	// Drain is the longest wait for requests in flight on the old color after a flip.
	Drain time.Duration `json:"drain"`
	// Keep is KeepWarm or KeepCold.
	Keep string `json:"keep"`
	// Timeout is the longest time that the new color may go without progress.
	Timeout time.Duration `json:"timeout"`
}

// Release is the part of the settings that belongs to one release of the service.
// Each color has its own, since the two releases may differ in it.
type Release struct {
	// Ports are the ports that the proxy listens on and forwards; never empty.
	Ports []Port `json:"ports"`
	// Health is the check that the proxies make of each task.
	Health Health `json:"health"`
}

// Port is a port of the service that traffic goes to through the proxy.
type Port struct {
	// Target is the port number inside the service's containers, and on the proxy.
	Target uint16 `json:"target"`
	// Mode is ModeHTTP, ModeH2 or ModeTCP.
	Mode string `json:"mode"`
}

// Health is the proxy's own check of each task of a color.
type Health struct {
	// Path is asked for with GET, and 2xx and 3xx are healthy; empty means that a TCP connect is
	// enough.
	Path string `json:"path,omitempty"`
	// Port is the port that is checked; 0 means the port that the traffic goes to.
	Port uint16 `json:"port,omitempty"`
	// Interval is the time between two checks.
	Interval time.Duration `json:"interval"`
	// Timeout is the longest time for one check.
	Timeout time.Duration `json:"timeout"`
	// Rise is how many checks must pass until a task counts as up.
	Rise int `json:"rise"`
	// Fall is how many checks must fail until a task counts as down.
	Fall int `json:"fall"`
}

// ProxySettings are the user's wishes for the proxy service.
type ProxySettings struct {
	// Image is the HAProxy image, 2.6 or newer, as written in the file.
	Image string `json:"image"`
	// Replicas is nil when the file does not say.
	Replicas *uint64 `json:"replicas,omitempty"`
	// Mode is "replicated", "global", or empty when the file does not say.
	Mode string `json:"mode,omitempty"`
	// Placement is nil when the file does not say: then that of the compose service is used.
	Placement *swarm.Placement `json:"placement,omitempty"`
	// Resources is nil when the file does not say.
	Resources *swarm.ResourceRequirements `json:"resources,omitempty"`
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

// extension is the key that makes a service a blue-green one and that holds its settings. At the
// top of the file it holds what is to be the default for all of them.
const extension = "x-bluegreen"

// DefaultProxyImage is the proxy's image where the file does not name one.
const DefaultProxyImage = "haproxy:3.2-alpine"

// ControlPort is where proxies take orders; no service can have it as a target.
const ControlPort = 9899

// Labels that docker stack deploy writes.
const (
	// LabelNamespace holds the stack's name on all that a stack made.
	LabelNamespace = "com.docker.stack.namespace"
	// LabelImage holds the image of a service as the file names it.
	LabelImage = "com.docker.stack.image"
)
