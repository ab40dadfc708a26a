package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// MinAPI is the API version that brought replicated jobs.
const MinAPI = "1.41"

// Snapshot is what the swarm held of one stack at one moment. Nobody changes it: what a command
// learns is in its Record.
type Snapshot struct {
	Stack string
	// APIVersion is the version of the API that the engine and we speak, such as 1.41.
	APIVersion string
	Nodes      map[string]api.Node        // by id
	Networks   map[string]network.Summary // all networks of the swarm scope, by name
	Secrets    map[string]api.Secret      // by name
	Configs    map[string]api.Config      // by name
	// Plain are the services of the stack that are not blue-green, by compose name.
	Plain map[string]api.Service
	// BlueGreen are the blue-green services, by compose name.
	BlueGreen map[string]*BlueGreen
	// Releases are what is written down of the releases of each service, by compose name, the oldest
	// first.
	Releases map[string][]*Release
	// Orders are control jobs, of which any that we did not start ourselves is a leftover.
	Orders []api.Service
	// Finished are the blue-green services whose unfinished move this command has finished, and how
	// that was begun.
	Finished map[string]Began
	// ServiceNames are the names of all services by id, published those of the services that have a
	// port of the ingress mesh, as 80/tcp, and virtual counts the virtual addresses on each
	// network, by id.
	ServiceNames map[string]string
	Published    map[string]string
	Virtual      map[string]uint64
	// Foreign are the swarm's services that are not of this stack, by name.
	Foreign map[string]api.Service
	// ForeignUse is what those refer to, or could be rolled back to.
	ForeignUse Use
	// sameSecrets are the secrets that hold what the file says, by name: they cannot be read, so
	// the manager was asked.
	sameSecrets map[string]bool
}

// Began says which command began a move.
type Began string

// A move is begun by a rollback, or by an up or a flip.
const (
	BeganByFlip     Began = "flip"
	BeganByRollback Began = "rollback"
)

// BlueGreen is what the swarm holds of one blue-green service. Any part may be missing.
type BlueGreen struct {
	Name   string
	Proxy  *api.Service
	Colors map[Color]*api.Service
	// Saved are the specs that the colors had before a new release was begun.
	Saved map[Color]*api.ServiceSpec
}

// NewSnapshot is a swarm that holds nothing.
func NewSnapshot(stack string) *Snapshot {
	return &Snapshot{Stack: stack, Nodes: map[string]api.Node{}, Networks: map[string]network.Summary{},
		Secrets: map[string]api.Secret{}, Configs: map[string]api.Config{}, Plain: map[string]api.Service{},
		BlueGreen: map[string]*BlueGreen{}, Releases: map[string][]*Release{}, Foreign: map[string]api.Service{}, ForeignUse: Use{}, Finished: map[string]Began{},
		ServiceNames: map[string]string{}, Published: map[string]string{}, Virtual: map[string]uint64{}}
}

// Observe reads all that the swarm holds of the stack. The number of calls does not grow with the
// stack.
func (cl *Cluster) Observe(ctx context.Context) (*Snapshot, error) {
	all, err := cl.List(ctx)
	if err != nil {
		return nil, err
	}
	s, err := all.Of(cl.Stack)
	if err != nil {
		return nil, err
	}
	return s, cl.ObservePredefined(ctx, s)
}

// Predefined is true for networks that every node has, such as host.
func Predefined(network string) bool { return !container.NetworkMode(network).IsUserDefined() }

// ObservePredefined finds the ids of the networks that every node has, where services of the stack
// are on one: the swarm's own are not in the list of networks.
func (cl *Cluster) ObservePredefined(ctx context.Context, s *Snapshot) error {
	known := NetworkNames(s.Networks)
	for _, svc := range s.Services() {
		for _, n := range svc.Spec.TaskTemplate.Networks {
			if known[n.Target] != "" {
				continue
			}
			found, err := cl.Engine.NetworkInspect(ctx, n.Target, network.InspectOptions{Scope: "swarm"})
			switch {
			case engine.NotFound(err):
				continue // it was removed: the service is seen as changed
			case err != nil:
				return fmt.Errorf("inspect the network %s of service %s: %w", n.Target, svc.Spec.Name, err)
			}
			known[n.Target] = found.Name
			s.Networks[found.Name] = found
		}
	}
	return nil
}

// ObserveServices is Observe for services alone, with one call.
func (cl *Cluster) ObserveServices(ctx context.Context) (*Snapshot, error) {
	s := NewSnapshot(cl.Stack)
	services, err := cl.listServices(ctx)
	for _, svc := range services {
		s.Add(svc)
	}
	return s, err
}

// Add puts a service where it belongs. A service that lost its labels, as by a rollback by hand, is
// plain.
func (s *Snapshot) Add(svc api.Service) {
	s.ServiceNames[svc.ID] = svc.Spec.Name
	for _, port := range PublishedPorts(svc.Spec, api.PortConfigPublishModeIngress) {
		s.Published[port] = svc.Spec.Name
	}
	for _, v := range svc.Endpoint.VirtualIPs {
		s.Virtual[v.NetworkID]++
	}
	l := svc.Spec.Labels
	switch {
	case l[LabelNamespace] == s.Stack:
		s.Plain[strings.TrimPrefix(svc.Spec.Name, s.Stack+"_")] = svc
	case l[LabelStack] != s.Stack:
		s.Foreign[svc.Spec.Name] = svc
		s.ForeignUse.Add(&svc.Spec)
		s.ForeignUse.Add(svc.PreviousSpec)
	case l[LabelRole] == RoleProxy:
		s.Entry(l[LabelService]).Proxy = &svc
	case l[LabelRole] == RoleColor:
		s.Entry(l[LabelService]).Colors[Color(l[LabelColor])] = &svc
	case l[LabelRole] == RoleOrder:
		s.Orders = append(s.Orders, svc)
	}
}

// Entry is what is held of a blue-green service; it is made, empty, where there is none.
func (s *Snapshot) Entry(name string) *BlueGreen {
	b := s.BlueGreen[name]
	if b == nil {
		b = &BlueGreen{Name: name, Colors: map[Color]*api.Service{}, Saved: map[Color]*api.ServiceSpec{}}
		s.BlueGreen[name] = b
	}
	return b
}

// IsForeign says whether a service of that name exists that is not of this stack.
func (s *Snapshot) IsForeign(name string) bool {
	_, ok := s.Foreign[name]
	return ok
}

// Empty says whether the swarm holds nothing of the stack.
func (s *Snapshot) Empty() bool { return len(s.Plain) == 0 && len(s.BlueGreen) == 0 }

// NothingDeployed is the error for a stack of which the swarm holds nothing: it names those that it
// holds.
func (s *Snapshot) NothingDeployed() error {
	stacks := map[string]bool{}
	for _, svc := range s.Foreign {
		if stack := svc.Spec.Labels[LabelStack]; stack != "" {
			stacks[stack] = true
		}
	}
	if len(stacks) == 0 {
		return fmt.Errorf("stack %s: %w", s.Stack, ErrNothingDeployed)
	}
	return fmt.Errorf("stack %s: %w: blue-green services run in %s: name the stack with -p", s.Stack, ErrNothingDeployed, Sentence(slices.Sorted(maps.Keys(stacks))))
}

// Names returns the compose names of the blue-green services that are wanted, sorted: all when none
// is named.
func (s *Snapshot) Names(wanted []string) ([]string, error) {
	if s.Empty() {
		return nil, s.NothingDeployed()
	}
	var all []string
	for name, b := range s.BlueGreen {
		if b.Proxy != nil {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	for _, w := range wanted {
		if slices.Contains(all, w) {
			continue
		}
		if _, plain := s.Plain[w]; plain {
			return nil, fmt.Errorf("service %s of stack %s is not blue-green: add x-bluegreen to it and run `docker bluegreen up`", w, s.Stack)
		}
		return nil, fmt.Errorf("stack %s has no blue-green service %s: it has %s", s.Stack, w, orNone(all))
	}
	if len(wanted) > 0 {
		all = slices.Compact(slices.Sorted(slices.Values(wanted)))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("stack %s has no blue-green service: run `docker bluegreen up` first", s.Stack)
	}
	return all, nil
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// NodeName returns the host name of a node, or its id where the node is gone.
func (s *Snapshot) NodeName(id string) string {
	return NodeName(s.Nodes[id], id)
}
