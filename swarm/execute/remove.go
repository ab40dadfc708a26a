package execute

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// removeOfStack removes a service together with its stack: tasks are waited for when all services
// are removed.
func (r *run) removeOfStack(ctx context.Context, s plan.Step) error {
	for _, svc := range r.known.Snapshot().Services() {
		if svc.Spec.Name != s.Name {
			continue
		}
		if err := r.Engine.ServiceRemove(ctx, svc.ID); err != nil && !engine.NotFound(err) {
			return fmt.Errorf("remove service %s: %w", s.Name, err)
		}
	}
	r.Done("", "service "+s.Name, "removed")
	return nil
}

// awaitStackGone waits until the tasks of all services that the stack had have ended.
func (r *run) awaitStackGone(ctx context.Context, _ plan.Step) error {
	return r.AwaitRemoved(ctx, r.known, r.known.Snapshot().Services())
}

// removeService removes a service of the stack and waits until its tasks have ended.
func (r *run) removeService(ctx context.Context, s plan.Step) error {
	svc := r.serviceOf(s)
	if err := r.remove(ctx, svc); err != nil {
		return err
	}
	r.Done(s.Service, "service", "removed: %s", s.Cause)
	return nil
}

// removeProxies removes the proxies of a service that left the file, before its colors.
func (r *run) removeProxies(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if err := r.remove(ctx, b.Proxy); err != nil {
		return err
	}
	b.Proxy = nil
	r.Done(s.Service, "proxies", "removed: %s", s.Cause)
	return nil
}

// removeColor removes a color, once no proxy is left that could send there.
func (r *run) removeColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if plain, ok := r.known.Plain(s.Service); ok {
		if err := r.proxiesLeft(ctx, plain); err != nil {
			return err
		}
	}
	if err := r.remove(ctx, b.Colors[s.Color]); err != nil {
		return err
	}
	r.Done(s.Service, "color "+string(s.Color), "removed: %s", s.Cause)
	return r.Forget(ctx, r.known, b, s.Color)
}

// proxiesLeft waits until the tasks that a service had before it became a plain one have ended.
// What runs on a node that does not answer may still be a proxy that sends to the colors.
func (r *run) proxiesLeft(ctx context.Context, svc api.Service) error {
	left, err := r.awaitFormer(ctx, svc, 0)
	if err != nil || len(left) == 0 {
		return err
	}
	return &cluster.UnconfirmedError{Service: strings.TrimPrefix(svc.Spec.Name, r.Stack+"_"), Proxies: r.placesOf(left, svc),
		After: "the colors run on. Bring the node back, or remove it with `docker node rm`. Then run `docker bluegreen up` again"}
}

// awaitFormer waits until the tasks of earlier specs of a service have ended, at most as long as
// patience, 0 for as long as it takes. It returns those that have not, and those on nodes that do
// not answer.
func (r *run) awaitFormer(ctx context.Context, svc api.Service, patience time.Duration) ([]api.Task, error) {
	look := r.Now()
	for began := time.Now(); ; look = r.Next() {
		if _, err := look.RefreshNodes(ctx, r.known); err != nil {
			return nil, err
		}
		all, err := look.Tasks(ctx, svc.ID)
		if err != nil {
			return nil, err
		}
		current, err := look.CurrentTasks(ctx, svc.ID)
		if err != nil {
			return nil, err
		}
		now := cluster.TaskIDs(current)
		left := slices.DeleteFunc(all[svc.ID], func(t api.Task) bool {
			return cluster.Ended(t) || !cluster.Begun(t) || slices.Contains(now, t.ID)
		})
		late := patience > 0 && time.Since(began) >= patience
		if late || !slices.ContainsFunc(left, func(t api.Task) bool { return r.known.Reachable(t.NodeID) }) {
			return left, nil
		}
	}
}

// placesOf says which tasks run on which nodes.
func (r *run) placesOf(tasks []api.Task, svc api.Service) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, fmt.Sprintf("%s on %s", r.known.TaskName(t, svc.Spec.Name), r.known.NodeName(t.NodeID)))
	}
	return names
}

// removeNetwork removes a network; with the control network the generated files of proxies go too.
func (r *run) removeNetwork(ctx context.Context, s plan.Step) error {
	ctx, cancel := context.WithTimeout(ctx, cluster.RemovalTime)
	defer cancel()
	n, _ := r.known.Network(s.Name)
	if err := r.Executor.RemoveNetwork(ctx, n); err != nil {
		return err
	}
	if r.plan.Command == plan.Down {
		return nil // they have steps of their own
	}
	return r.removeFiles(ctx)
}

// removeFiles removes the generated files of proxies.
func (r *run) removeFiles(ctx context.Context) error {
	seen := r.known.Snapshot()
	for name, c := range seen.Configs {
		if !seen.Mine(c.Spec.Labels) || c.Spec.Labels[cluster.LabelRole] != cluster.RoleFile {
			continue
		}
		if err := r.Engine.ConfigRemove(ctx, c.ID); err != nil && !engine.NotFound(err) {
			return fmt.Errorf("remove config %s: %w", name, err)
		}
	}
	return nil
}

// giveBack turns the proxies of a service into the service itself, in place: id, alias and ports
// stay. The colors go on serving for those proxies that have not ended yet.
func (r *run) giveBack(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	live := b.Proxy
	if live == nil { // an earlier command has begun it
		live = r.serviceOf(s)
	} else {
		r.mu.Lock()
		r.before[s.Service] = cluster.Clone(live.Spec)
		r.mu.Unlock()
	}
	r.Working(s.Service, "service", "%s", s.Cause)
	stopFirst := plan.HostPorts(want) || plan.HostPorts(live.Spec)
	svc, err := r.Rewrite(ctx, live, func(spec *api.ServiceSpec) error {
		next := replacing(r.known, *spec, want)
		keepRouterNetwork(&next, *spec)
		next.UpdateConfig = plan.ProxyUpdate(stopFirst)
		*spec = next
		return nil
	})
	if err != nil {
		return err
	}
	b.Proxy = svc
	w := cluster.Waiting{Service: s.Service, Step: "service", Svc: svc, Timeout: s.Timeout}
	if err := r.AwaitSteady(ctx, r.known, w); err != nil {
		return err
	}
	r.serves(s.Service)
	if err := r.awaitReplaced(ctx, w); err != nil {
		return err
	}
	// The user's own labels and update_config; and `docker service rollback`, which undoes one
	// write, no longer brings proxies back.
	svc, err = r.Rewrite(ctx, b.Proxy, func(spec *api.ServiceSpec) error {
		spec.Labels, spec.UpdateConfig = want.Labels, want.UpdateConfig
		return nil
	})
	if err != nil {
		return err
	}
	b.Proxy = nil
	r.keepPlain(s.Service, svc)
	r.Done(s.Service, "service", "given back: it is a plain service again")
	return nil
}

// keepRouterNetwork leaves in next, which is to follow live, the label with the network on which a
// router reaches the tasks of live. While some of those run, a router that finds no such label may
// send to them on a network that it is not on.
func keepRouterNetwork(next *api.ServiceSpec, live api.ServiceSpec) {
	label, network := compose.TraefikNetwork(live.Labels)
	if named, given := compose.TraefikNetwork(next.Labels); network == "" || given != "" && named != label {
		return // Traefik refuses labels of both families
	}
	cluster.SetLabels(next, map[string]string{label: network})
}
