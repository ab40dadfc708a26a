package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// RemovalTime is how long networks and tasks may take to go once their services are removed.
const RemovalTime = 2 * time.Minute

// RemoveNetwork removes a network, and waits for that as long as an engine still has it in use,
// until ctx ends.
func (cl *Cluster) RemoveNetwork(ctx context.Context, n network.Summary) error {
	cl.Working("", "network "+n.Name, "removing")
	for {
		err := cl.Engine.NetworkRemove(ctx, n.ID)
		if err == nil || engine.NotFound(err) {
			break
		}
		if !cl.Pause(ctx) {
			return fmt.Errorf("network %s is still in use after %s: %w: stop the services and containers that use it, then run the command again", n.Name, RemovalTime, err)
		}
	}
	if err := cl.awaitNetworkGone(ctx, n.ID); err != nil {
		return fmt.Errorf("network %s: %w", n.Name, err)
	}
	cl.Done("", "network "+n.Name, "removed")
	return nil
}

func (cl *Cluster) awaitNetworkGone(ctx context.Context, id string) error {
	for {
		list, err := cl.Engine.NetworkList(ctx, network.ListOptions{})
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(n network.Summary) bool { return n.ID == id && n.Scope == "swarm" && len(n.IPAM.Config) > 0 }) {
			return nil
		}
		if !cl.Pause(ctx) {
			return context.Cause(ctx)
		}
	}
}

// AwaitRemoved waits until the tasks of removed services have ended on every node that can be
// reached. Beside RemovalTime they have their own grace period, which is that of draining for
// proxies.
func (cl *Cluster) AwaitRemoved(ctx context.Context, rec *Record, services []api.Service) error {
	mine, most := map[string]bool{}, RemovalTime
	for _, svc := range services {
		mine[svc.ID] = true
		most = max(most, RemovalTime+Grace(svc.Spec))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("removed tasks of stack %s did not end within %s: see `docker node ps` on each node", cl.Stack, most))
	defer cancel()
	var watch nodeWatch
	for look := cl.Now(); ; look = cl.Next() {
		// A filter by service is refused once the service is gone, so all tasks are listed.
		all, err := look.AllTasks(ctx)
		if err != nil {
			return err
		}
		left := slices.DeleteFunc(all, func(t api.Task) bool { return !mine[t.ServiceID] || !Begun(t) })
		if on, err := watch.reachable(ctx, look, rec, left); err != nil || !on {
			return err
		}
	}
}

// Grace is how long the tasks of a spec may take to end once they are told to.
func Grace(spec api.ServiceSpec) time.Duration {
	if c := spec.TaskTemplate.ContainerSpec; c != nil && c.StopGracePeriod != nil {
		return *c.StopGracePeriod
	}
	return 0
}

// Mine says whether labels are of an object that this stack made.
func (s *Snapshot) Mine(labels map[string]string) bool {
	ns := labels[LabelNamespace]
	return ns == s.Stack || ns == Namespace(s.Stack) && labels[LabelStack] == s.Stack
}

// Services are all services of the stack, proxies first: then nothing leads to an app that is gone.
func (s *Snapshot) Services() []api.Service {
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

// Owned are the names of networks, secrets and configs of the stack.
func (s *Snapshot) Owned() []string {
	var names []string
	for name, n := range s.Networks {
		if s.Mine(n.Labels) {
			names = append(names, name)
		}
	}
	for name, x := range s.Secrets {
		if s.Mine(x.Spec.Labels) {
			names = append(names, name)
		}
	}
	for name, c := range s.Configs {
		if s.Mine(c.Spec.Labels) && !strings.HasSuffix(name, "-lock") {
			names = append(names, name)
		}
	}
	return names
}
