package execute

import (
	"context"
	"maps"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// adopt turns a plain service into the proxies of its own colors, in place: id, alias, mode and
// ports stay.
func (r *run) adopt(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	plain, _ := r.known.Plain(s.Service)
	r.Working(s.Service, "proxies", "adopting the running service")
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.before[s.Service] = cluster.Clone(plain.Spec)
	r.mu.Unlock()
	live, err := r.sendByAddress(ctx, s, &plain)
	if err != nil {
		return err
	}
	// The file may be for another router than the one that runs in front.
	var byAddress map[string]string
	if s.Router.ByAddress != nil {
		byAddress = compose.RouterOf(s.Spec.Labels).ByAddress
	}
	svc, err := r.Rewrite(ctx, live, func(spec *api.ServiceSpec) error {
		next := replacing(r.known, *spec, want)
		cluster.SetLabels(&next, byAddress)
		*spec = next
		return nil
	})
	if err != nil {
		return err
	}
	b.Proxy = svc
	if err := r.proxiesServe(ctx, b, s); err != nil {
		return err
	}
	r.serves(s.Service)
	if err := r.AwaitReplaced(ctx, r.known, cluster.Waiting{Service: s.Service, Step: "proxies", Svc: svc, Timeout: s.Timeout}); err != nil {
		return err
	}
	// New proxies begin with the route. Those that an unfinished giving back has left run on as they
	// are, and follow an earlier one.
	if err := r.Confirm(ctx, r.known, []traffic.Move{{Service: b, From: s.To, To: s.To}}, nil); err != nil {
		return err
	}
	// `docker service rollback` goes back by one write: after this second one it no longer brings
	// the app back.
	labels := map[string]string{cluster.LabelAlias + b.Name: s.To.String()}
	for label := range byAddress {
		labels[label] = s.Spec.Labels[label]
	}
	if b.Proxy, err = r.Relabel(ctx, b.Proxy, labels); err != nil {
		return err
	}
	// Who keeps a connection to a task of the app goes past the proxies until that has ended.
	r.Working(s.Service, "proxies", "waiting for the old tasks to end")
	left, err := r.awaitFormer(ctx, *b.Proxy, s.Timeout)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		r.Warn(s.Service, "proxies", "these old tasks have not ended, or their nodes do not answer; a client with an open connection to one stays on "+
			"the old release: %s", cluster.Sentence(r.placesOf(left, *b.Proxy)))
	}
	r.Done(s.Service, "proxies", "adopted: %s sends to %s", s.Name, s.Color)
	return nil
}

// sendByAddress lets a router that asks the swarm for tasks send to the virtual address of the
// service: its tasks are about to end, and until the router asked again it would send to them. The
// address stays, and leads to those that run.
func (r *run) sendByAddress(ctx context.Context, s plan.Step, plain *api.Service) (*api.Service, error) {
	if len(s.Router.ByAddress) == 0 {
		return plain, nil
	}
	labels := maps.Clone(s.Router.ByAddress)
	if network := r.sharedNetwork(*plain, s); network != "" {
		maps.Copy(labels, compose.RouterNetwork(plain.Spec.Labels, network))
	}
	svc, err := r.Relabel(ctx, plain, labels)
	if err != nil {
		return nil, err
	}
	r.keep(s, svc)
	r.Working(s.Service, "proxies", "waiting %s, until the router in front sends to the service's virtual address", s.Router.Refresh)
	select { // nothing tells when it has seen it
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(s.Router.Refresh):
		return svc, nil
	}
}

// sharedNetwork is the network on which the router reaches the proxies, if the running service is
// on it too; else empty.
func (r *run) sharedNetwork(plain api.Service, s plan.Step) string {
	_, network := compose.TraefikNetwork(s.Spec.Labels)
	on := slices.ContainsFunc(plain.Spec.TaskTemplate.Networks, func(a api.NetworkAttachmentConfig) bool {
		return a.Target == network || networkName(r.known, a.Target) == network
	})
	if !on {
		return ""
	}
	return network
}
