package execute

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

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
	if err := r.MarkServed(ctx, b, s.To); err != nil {
		return err
	}
	if svc := b.Colors[s.Color]; svc != nil {
		r.WriteHistory(ctx, r.known, cluster.Past{Service: b.Name, Number: cluster.ReleaseOf(svc.Spec), Entry: cluster.Entry{What: cluster.Activated, Route: s.To.Sequence}})
	}
	return nil
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

// updateProxies changes the proxy service in place. The route in its labels is never the plan's: it
// is the swarm's.
func (r *run) updateProxies(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	live := b.Proxy
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	before := cluster.Clone(live.Spec)
	r.mu.Lock()
	r.before[s.Service] = before
	r.mu.Unlock()
	r.Working(s.Service, "proxies", "%s", s.Cause)
	if err := r.putProxies(ctx, b, want); err != nil {
		return err
	}
	if !replaces(before, b.Proxy.Spec) && cluster.Paused(*live) == "" && !cluster.Rolling(*live) {
		r.Done(s.Service, "proxies", "changed: %s", s.Cause)
		return nil // they run on: none of them has to be waited for
	}
	if s.Unserved {
		r.Done(s.Service, "proxies", "changed: %s; new ones are healthy when they have a task to send to", s.Cause)
		return nil
	}
	r.mu.Lock()
	if bytes.Equal(cluster.MustJSON(b.Proxy.Spec), cluster.MustJSON(before)) {
		delete(r.before, s.Service) // a paused update that goes on: there is nothing to put back
	}
	r.mu.Unlock()
	w := cluster.Waiting{Service: s.Service, Step: "proxies", Svc: b.Proxy, Timeout: s.Timeout}
	if _, err := r.Await(ctx, r.known, w); err != nil {
		return err
	}
	if err := r.AwaitReplaced(ctx, r.known, w); err != nil {
		return err
	}
	r.Done(s.Service, "proxies", "changed: %s", s.Cause)
	return nil
}

// replaces says whether Swarm makes or ends tasks when a service changes from one spec to the next.
func replaces(before, next api.ServiceSpec) bool {
	return !bytes.Equal(cluster.MustJSON(before.TaskTemplate), cluster.MustJSON(next.TaskTemplate)) ||
		!bytes.Equal(cluster.MustJSON(before.Mode), cluster.MustJSON(next.Mode)) ||
		!bytes.Equal(cluster.MustJSON(before.EndpointSpec), cluster.MustJSON(next.EndpointSpec))
}

func (r *run) putProxies(ctx context.Context, b *cluster.BlueGreen, want api.ServiceSpec) error {
	svc, err := r.Rewrite(ctx, b.Proxy, func(spec *api.ServiceSpec) error {
		next := replacing(r.known, *spec, want)
		if spec.Labels[cluster.LabelRole] == cluster.RoleProxy { // else it was about to become a plain service
			for _, l := range []string{cluster.LabelAlias + b.Name, cluster.LabelNext, cluster.LabelPrevious, cluster.LabelTripped} {
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
