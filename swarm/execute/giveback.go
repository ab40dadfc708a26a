package execute

import (
	"bytes"
	"context"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

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
	if err := r.AwaitReplaced(ctx, r.known, w); err != nil {
		return err
	}
	// The user's own labels and update_config; and `docker service rollback`, which undoes one
	// write, no longer brings proxies back.
	written := cluster.MustJSON(svc.Spec.TaskTemplate.ContainerSpec)
	svc, err = r.Rewrite(ctx, b.Proxy, func(spec *api.ServiceSpec) error {
		if !bytes.Equal(cluster.MustJSON(spec.TaskTemplate.ContainerSpec), written) { // it may be proxies again
			return fmt.Errorf("service %s: somebody changed %s meanwhile: run the command again", s.Service, s.Name)
		}
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
