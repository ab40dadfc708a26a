package execute

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// createProxies creates the proxy service, and waits until every proxy sees the color ready and
// takes traffic.
func (r *run) createProxies(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	r.Working(s.Service, "proxies", "starting")
	r.mu.Lock()
	r.created = append(r.created, b)
	r.mu.Unlock()
	if err := r.createService(ctx, s, func(svc *api.Service) { b.Proxy = svc }); err != nil {
		return err
	}
	if err := r.proxiesServe(ctx, b, s); err != nil {
		return err
	}
	r.serves(s.Service)
	return nil
}

// proxiesServe waits until the proxies of the current spec see the active color ready and run, and
// until those of an earlier spec have left.
func (r *run) proxiesServe(ctx context.Context, b *cluster.BlueGreen, s plan.Step) error {
	if err := r.awaitStarting(ctx, b, s); err != nil {
		return err
	}
	if err := r.awaitReady(ctx, b, s.Color, s.Timeout); err != nil {
		return err
	}
	_, err := r.Await(ctx, r.known, cluster.Waiting{Service: s.Service, Step: "proxies", Svc: b.Proxy, Timeout: s.Timeout})
	if err != nil {
		return err
	}
	return r.MarkServed(ctx, b, s.To)
}

// awaitStarting waits until a proxy of the current spec has been started: then it can be asked what
// it lacks.
func (r *run) awaitStarting(ctx context.Context, b *cluster.BlueGreen, s plan.Step) error {
	w := cluster.Waiting{Service: s.Service, Step: "proxies", Svc: b.Proxy, Timeout: s.Timeout}
	look := r.Now()
	for began := time.Now(); ; look = r.Next() {
		tasks, err := look.CurrentTasks(ctx, b.Proxy.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(tasks, func(t api.Task) bool {
			return !cluster.Ended(t) && cluster.StateRank(t.Status.State) >= cluster.StateRank(api.TaskStateStarting)
		}) {
			return nil
		}
		if failed := cluster.Failures(b.Proxy, tasks); len(failed) > 0 {
			return r.Unhealthy(ctx, r.known, w, "the proxies failed", failed)
		}
		if time.Since(began) > s.Timeout {
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("no proxy started within %s", s.Timeout), cluster.Newest(tasks))
		}
	}
}

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
	if err := r.awaitReplaced(ctx, cluster.Waiting{Service: s.Service, Step: "proxies", Svc: svc, Timeout: s.Timeout}); err != nil {
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

// awaitReplaced waits until no task of an earlier spec is wanted any more. Of a global service only
// the tasks that are made already are waited for before, so those that follow may still fail.
func (r *run) awaitReplaced(ctx context.Context, w cluster.Waiting) error {
	best, last := map[string]int{}, time.Now()
	for look := r.Now(); ; look = r.Next() {
		all, err := look.Tasks(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		current, err := look.CurrentTasks(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		now := cluster.TaskIDs(current)
		if !slices.ContainsFunc(all[w.Svc.ID], func(t api.Task) bool {
			return cluster.Wanted(t) && !cluster.Ended(t) && !slices.Contains(now, t.ID)
		}) {
			return nil
		}
		if failed := cluster.Failures(w.Svc, current); len(failed) > 0 {
			return r.Unhealthy(ctx, r.known, w, cluster.SlotFailed(len(failed)), failed)
		}
		if cluster.Advanced(best, current) {
			last = time.Now()
		} else if time.Since(last) > w.Timeout {
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("no progress for %s: earlier tasks still run", w.Timeout), cluster.Newest(current))
		}
	}
}

// updateProxies changes the proxy service in place. The route in its labels is never the plan's: it
// is the swarm's.
func (r *run) updateProxies(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.before[s.Service] = cluster.Clone(b.Proxy.Spec)
	r.mu.Unlock()
	r.Working(s.Service, "proxies", "%s", s.Cause)
	if err := r.putProxies(ctx, b, want); err != nil {
		return err
	}
	w := cluster.Waiting{Service: s.Service, Step: "proxies", Svc: b.Proxy, Timeout: s.Timeout}
	if _, err := r.Await(ctx, r.known, w); err != nil {
		return err
	}
	if err := r.awaitReplaced(ctx, w); err != nil {
		return err
	}
	r.Done(s.Service, "proxies", "changed: %s", s.Cause)
	return nil
}

func (r *run) putProxies(ctx context.Context, b *cluster.BlueGreen, want api.ServiceSpec) error {
	svc, err := r.Rewrite(ctx, b.Proxy, func(spec *api.ServiceSpec) error {
		next := replacing(r.known, *spec, want)
		if spec.Labels[cluster.LabelRole] == cluster.RoleProxy { // else it was about to become a plain service
			for _, l := range []string{cluster.LabelAlias + b.Name, cluster.LabelNext, cluster.LabelPrevious} {
				cluster.SetLabels(&next, map[string]string{l: spec.Labels[l]})
			}
		}
		*spec = next
		return nil
	})
	if err == nil {
		b.Proxy = svc
	}
	return err
}
