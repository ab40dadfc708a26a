package execute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// undo puts back what was touched before the flip: adopted or changed proxies, then the idle
// colors.
func (r *run) undo(ctx context.Context, cause error) error {
	var after []string
	stay := map[string]bool{} // services whose new proxies are still there, and may send to the color
	for name, spec := range r.before {
		if r.served[name] {
			continue
		}
		if text, err := r.undoProxies(ctx, name, spec); err != nil {
			cause = errors.Join(cause, fmt.Errorf("service %s: its earlier proxies could not be restored: %w", name, err))
			stay[name] = spec.Labels[cluster.LabelRole] != cluster.RoleProxy
		} else {
			after = append(after, text)
		}
	}
	for _, b := range r.created {
		if r.served[b.Name] {
			continue
		}
		if err := r.remove(ctx, b.Proxy); err != nil {
			cause = errors.Join(cause, fmt.Errorf("service %s: its new proxies could not be removed: %w", b.Name, err))
			stay[b.Name] = true
		}
		b.Proxy = nil
	}
	seen := map[string]bool{}
	for _, s := range r.begun {
		if seen[s.Name] || r.served[s.Service] {
			continue
		}
		seen[s.Name] = true
		if stay[s.Service] {
			after = append(after, s.Name+" was left running, because proxies may send to it")
			continue
		}
		text, err := r.undoColor(ctx, s)
		if err != nil {
			cause = errors.Join(cause, notRestored(s, err))
			continue
		}
		after = append(after, text)
	}
	r.noteFailed(ctx, cause)
	if err := r.undoNetworks(ctx); err != nil {
		r.Warn("", "networks", "some networks of the new release could not be removed: %v", err)
	}
	var u *cluster.UnhealthyError
	if errors.As(cause, &u) {
		u.After = strings.Join(append(after, r.untouched(u.Service)), "; ")
	}
	return cause
}

// noteFailed writes down of the releases that were begun, and got no traffic, why. Of a first one
// nothing is left.
func (r *run) noteFailed(ctx context.Context, cause error) {
	var past []cluster.Past
	var u *cluster.UnhealthyError
	for _, s := range r.begun {
		if b := r.blueGreen(s.Service); b.Proxy == nil && len(b.Colors) == 0 {
			r.DropHistory(ctx, r.known, s.Service, s.Release)
			continue
		}
		text := cause.Error()
		if errors.As(cause, &u) && u.Service == s.Service {
			text = u.Cause
			if u.Test != "" {
				text = fmt.Sprintf("it failed its test %s", u.Test)
			}
		}
		if s.Release > 0 && !r.served[s.Service] {
			past = append(past, cluster.Past{Service: s.Service, Number: s.Release, Entry: cluster.Entry{What: cluster.NotHealthy, Text: text}})
		}
	}
	r.WriteHistory(ctx, r.known, past...)
}

// notRestored says that a color was left as it is, and how to go on.
func notRestored(s plan.Step, err error) error {
	var late *cluster.UnconfirmedError
	if errors.As(err, &late) { // it says so itself
		return fmt.Errorf("%s could not be restored: %w", s.Name, err)
	}
	return fmt.Errorf("%s could not be restored: %w: run `docker bluegreen up` or `rollback` again", s.Name, err)
}

// undoProxies gives a proxy service the spec that it had, but for the route; an adopted one becomes
// the app again.
func (r *run) undoProxies(ctx context.Context, name string, spec api.ServiceSpec) (string, error) {
	b := r.blueGreen(name)
	adopted := spec.Labels[cluster.LabelRole] != cluster.RoleProxy
	if adopted {
		live := b.Proxy
		if live == nil { // the write that makes it the proxies was not reached, or failed
			live = r.serviceOf(plan.Step{Service: name, Name: spec.Name})
		}
		return spec.Name + " is a plain service again", r.undoAdoption(ctx, b, live, spec)
	}
	return spec.Name + " has its earlier settings again", r.putProxies(ctx, b, cluster.Clone(spec))
}

// undoAdoption makes proxies, or what was to become them, the plain service that they were.
func (r *run) undoAdoption(ctx context.Context, b *cluster.BlueGreen, live *api.Service, plain api.ServiceSpec) error {
	svc, err := r.Rewrite(ctx, live, func(now *api.ServiceSpec) error {
		next := cluster.Clone(plain)
		keepRouterNetwork(&next, *now)
		*now = next
		return nil
	})
	if err != nil {
		return err
	}
	b.Proxy = nil
	w := cluster.Waiting{Service: b.Name, Step: "proxies", Svc: svc, Timeout: undoTime}
	if _, err := r.Await(ctx, r.known, w); err != nil {
		return err
	}
	if maps.Equal(svc.Spec.Labels, plain.Labels) {
		return nil
	}
	if err := r.AwaitReplaced(ctx, r.known, w); err != nil {
		return err
	}
	_, err = r.Rewrite(ctx, svc, func(now *api.ServiceSpec) error { now.Labels = cluster.Clone(plain).Labels; return nil })
	return err
}

// undoNetworks removes the networks that did not exist before and that no service is on now, and
// with the control network the files of proxies.
func (r *run) undoNetworks(ctx context.Context) error {
	if len(r.networks) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, undoTime)
	defer cancel()
	services, err := r.Engine.ServiceList(ctx, api.ServiceListOptions{})
	if err != nil {
		return fmt.Errorf("list services: %w", err)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r.networks)) {
		id := r.networks[name]
		if slices.ContainsFunc(services, func(svc api.Service) bool {
			return slices.ContainsFunc(svc.Spec.TaskTemplate.Networks, func(a api.NetworkAttachmentConfig) bool { return a.Target == id || a.Target == name })
		}) {
			continue
		}
		if err := r.Executor.RemoveNetwork(ctx, network.Summary{Name: name, ID: id}); err != nil {
			errs = append(errs, err)
			continue
		}
		r.known.Note(func(seen *cluster.Snapshot) { delete(seen.Networks, name) })
		if name == cluster.ControlNetwork(r.Stack) {
			errs = append(errs, r.removeFiles(ctx))
		}
	}
	return errors.Join(errs...)
}

// untouched says whether traffic of a service that failed is where it was.
func (r *run) untouched(service string) string {
	switch {
	case r.served[service]:
		return "its new release gets the traffic already"
	case len(r.served) > 0:
		return "traffic of " + cluster.Sentence(slices.Sorted(maps.Keys(r.served))) + " has moved to the new release, other traffic was not touched"
	}
	if len(r.alone) > 0 {
		return r.only()
	}
	return "traffic was not touched"
}

// undoTime is how long a release that is given back may take until it runs.
const undoTime = 60 * time.Second

// undoColor gives the idle color the release that it held before, and removes one that held none.
func (r *run) undoColor(ctx context.Context, s plan.Step) (string, error) {
	b := r.blueGreen(s.Service)
	live, saved := b.Colors[s.Color], b.Saved[s.Color]
	switch {
	case live == nil:
		return s.Name + " was not created", nil
	case saved == nil && !r.existed[s.Name]:
		idle, err := r.clear(ctx, r.known, b, s.Color)
		if err != nil {
			return "", err
		}
		if err := r.discard(ctx, idle); err != nil {
			return "", err
		}
		delete(b.Colors, s.Color)
		return s.Name + " was removed again", r.AwaitRemoved(ctx, r.known, []api.Service{*live})
	case saved == nil:
		return s.Name + " was left as it is", nil
	}
	return r.restore(ctx, r.known, b, s.Color)
}
