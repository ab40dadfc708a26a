package cluster

import (
	"context"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Listed is what a swarm held at one moment, of all stacks.
type Listed struct {
	// APIVersion is the version of the API that the engine and we speak, such as 1.41.
	APIVersion string
	Nodes      []api.Node
	Networks   []network.Summary
	Secrets    []api.Secret
	Configs    []api.Config
	Services   []api.Service
}

// List reads all that the swarm holds, but for tasks. Secrets and configs are all listed, since
// external ones carry no label.
func (cl *Cluster) List(ctx context.Context) (*Listed, error) {
	l := &Listed{}
	for _, read := range []func(context.Context, *Listed) error{cl.listNodes, cl.listNetworks, cl.listFiles} {
		if err := read(ctx, l); err != nil {
			return nil, err
		}
	}
	var err error
	l.Services, err = cl.listServices(ctx)
	return l, err
}

func (cl *Cluster) listNodes(ctx context.Context, l *Listed) (err error) {
	if l.Nodes, err = cl.Engine.NodeList(ctx, api.NodeListOptions{}); err != nil {
		return engine.ManagerError(err)
	}
	l.APIVersion = cl.Engine.ClientVersion() // agreed on with the engine by the first call
	if versions.LessThan(l.APIVersion, MinAPI) {
		return fmt.Errorf("the engine speaks API version %s, but orders need version %s: use Docker Engine 20.10 or newer", l.APIVersion, MinAPI)
	}
	return nil
}

func (cl *Cluster) listNetworks(ctx context.Context, l *Listed) (err error) {
	if l.Networks, err = cl.Engine.NetworkList(ctx, network.ListOptions{}); err != nil {
		return fmt.Errorf("list networks: %w", err)
	}
	return nil
}

func (cl *Cluster) listFiles(ctx context.Context, l *Listed) (err error) {
	if l.Secrets, err = cl.Engine.SecretList(ctx, api.SecretListOptions{}); err != nil {
		return fmt.Errorf("list secrets: %w", err)
	}
	if l.Configs, err = cl.Engine.ConfigList(ctx, api.ConfigListOptions{}); err != nil {
		return fmt.Errorf("list configs: %w", err)
	}
	return nil
}

func (cl *Cluster) listServices(ctx context.Context) ([]api.Service, error) {
	services, err := cl.Engine.ServiceList(ctx, api.ServiceListOptions{Status: true})
	if err != nil {
		return nil, engine.ManagerError(err)
	}
	return services, nil
}

// Stacks are the names of the stacks of which the swarm has something that is ours, sorted.
func (l *Listed) Stacks() []string {
	var names []string
	add := func(labels map[string]string) {
		if stack := labels[LabelStack]; stack != "" {
			names = append(names, stack)
		}
	}
	for _, svc := range l.Services {
		add(svc.Spec.Labels)
	}
	for _, n := range l.Networks {
		add(n.Labels)
	}
	for _, c := range l.Configs {
		add(c.Spec.Labels)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Of is what was held of one stack. Networks that every node has are missing: see
// ObservePredefined.
func (l *Listed) Of(stack string) (*Snapshot, error) {
	s := NewSnapshot(stack)
	s.APIVersion = l.APIVersion
	for _, n := range l.Nodes {
		s.Nodes[n.ID] = n
	}
	for _, n := range l.Networks {
		// A local network may have the name of one of the swarm's; only the latter matters.
		if old, ok := s.Networks[n.Name]; !ok || old.Scope != "swarm" {
			s.Networks[n.Name] = n
		}
	}
	for _, x := range l.Secrets {
		s.Secrets[x.Spec.Name] = x
	}
	for _, c := range l.Configs {
		if err := s.addConfig(c); err != nil {
			return nil, err
		}
	}
	for _, svc := range l.Services {
		s.Add(svc)
	}
	return s, nil
}

func (s *Snapshot) addConfig(c api.Config) error {
	s.Configs[c.Spec.Name] = c
	if c.Spec.Labels[LabelStack] != s.Stack {
		return nil
	}
	s.AddRelease(c)
	if c.Spec.Labels[LabelRole] != RoleSaved {
		return nil
	}
	spec, err := decodeSaved(c)
	if err != nil {
		return err
	}
	s.Entry(c.Spec.Labels[LabelService]).Saved[Color(c.Spec.Labels[LabelColor])] = spec
	return nil
}
