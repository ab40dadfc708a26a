package swarm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
)

// downTime is how long networks and tasks may take to go once their services are removed.
const downTime = 2 * time.Minute

// Down removes all that the stack made on the swarm, and waits until it is gone.
func (o *Operator) Down(ctx context.Context, opts DownOptions) error {
	s, err := o.observe(ctx)
	if err != nil {
		return err
	}
	if s.empty() && len(s.owned()) == 0 {
		return s.nothing()
	}
	err = o.locked(ctx, "docker bluegreen down", opts.LockTimeout, func(ctx context.Context) error {
		return o.down(ctx)
	})
	if err != nil && ctx.Err() != nil {
		return &InterruptedError{Left: "a part of stack " + o.stack + " is removed; run `docker bluegreen down` again for the rest"}
	}
	return err
}

func (o *Operator) down(ctx context.Context) error {
	s, err := o.observe(ctx)
	if err != nil {
		return err
	}
	services := s.services()
	for _, svc := range services {
		if err := o.engine.ServiceRemove(ctx, svc.ID); err != nil && !notFound(err) {
			return fmt.Errorf("remove service %s: %w", svc.Spec.Name, err)
		}
		o.done("", "service "+svc.Spec.Name, "removed")
	}
	if err := o.awaitRemoved(ctx, s, services); err != nil {
		return err
	}
	for name, secret := range s.Secrets {
		if s.mine(secret.Spec.Labels) {
			if err := o.engine.SecretRemove(ctx, secret.ID); err != nil && !notFound(err) {
				return fmt.Errorf("remove secret %s: %w", name, err)
			}
		}
	}
	for name, config := range s.Configs {
		if s.mine(config.Spec.Labels) && name != lockName(o.stack) {
			if err := o.engine.ConfigRemove(ctx, config.ID); err != nil && !notFound(err) {
				return fmt.Errorf("remove config %s: %w", name, err)
			}
		}
	}
	return o.removeNetworks(ctx, s)
}

// removeNetworks removes the stack's networks: an engine keeps one in use for a moment after its last task ended.
func (o *Operator) removeNetworks(ctx context.Context, s *Observed) error {
	ctx, cancel := context.WithTimeout(ctx, downTime)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		n := s.Networks[name]
		if !s.mine(n.Labels) {
			continue
		}
		if err := o.removeNetwork(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

func (o *Cluster) removeNetwork(ctx context.Context, n network.Summary) error {
	o.working("", "network "+n.Name, "removing")
	for {
		err := o.engine.NetworkRemove(ctx, n.ID)
		if err == nil || notFound(err) {
			break
		}
		if !o.pause(ctx) {
			return fmt.Errorf("network %s is still in use after %s: %w: end what uses it and run the command again", n.Name, downTime, err)
		}
	}
	if err := o.awaitNetworkGone(ctx, n.ID); err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	o.done("", "network "+n.Name, "removed")
	return nil
}

func (o *Cluster) awaitNetworkGone(ctx context.Context, id string) error {
	for {
		list, err := o.engine.NetworkList(ctx, network.ListOptions{})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(n network.Summary) bool { return n.ID == id && n.Scope == "swarm" && len(n.IPAM.Config) > 0 }) {
			return nil
		}
		if !o.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// awaitRemoved waits until the tasks of removed services have ended on every node that can be reached.
func (o *Cluster) awaitRemoved(ctx context.Context, s *Observed, services []api.Service) error {
	ctx, cancel := context.WithTimeoutCause(ctx, downTime, fmt.Errorf("removed tasks of stack %s did not end within %s: see `docker node ps` on each node", o.stack, downTime))
	defer cancel()
	mine := map[string]bool{}
	for _, svc := range services {
		mine[svc.ID] = true
	}
	for {
		// A filter by service is refused once the service is gone, so all tasks are listed.
		all, err := o.engine.TaskList(ctx, api.TaskListOptions{})
		if err != nil {
			return fmt.Errorf("list tasks: %w", err)
		}
		if !slices.ContainsFunc(all, func(t api.Task) bool {
			return mine[t.ServiceID] && begun(t) && s.reachable(t.NodeID)
		}) {
			return nil
		}
		if !o.pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// mine says whether labels are of an object that this stack made.
func (s *Observed) mine(labels map[string]string) bool {
	ns := labels[LabelNamespace]
	return ns == s.Stack || ns == namespace(s.Stack) && labels[LabelStack] == s.Stack
}

// services are all services of the stack, proxies first: then nothing leads to an app that is gone.
func (s *Observed) services() []api.Service {
	var list []api.Service
	for _, b := range s.BlueGreen {
		if b.Proxy != nil {
			list = append(list, *b.Proxy)
		}
	}
	for _, b := range s.BlueGreen {
		for _, c := range b.Colors {
			list = append(list, *c)
		}
	}
	list = append(list, slices.Collect(maps.Values(s.Plain))...)
	return append(list, s.Orders...)
}

// owned are the names of networks, secrets and configs of the stack.
func (s *Observed) owned() []string {
	var names []string
	for name, n := range s.Networks {
		if s.mine(n.Labels) {
			names = append(names, name)
		}
	}
	for name, x := range s.Secrets {
		if s.mine(x.Spec.Labels) {
			names = append(names, name)
		}
	}
	for name, c := range s.Configs {
		if s.mine(c.Spec.Labels) && !strings.HasSuffix(name, "-lock") {
			names = append(names, name)
		}
	}
	return names
}
