package execute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// flip moves all services of the plan in one order. It is the point of no return.
func (r *run) flip(ctx context.Context, steps []plan.Step) error {
	var moves []traffic.Move
	for _, s := range steps {
		b := r.blueGreen(s.Service)
		if s.Force { // tasks that are just replaced must not hinder the way back
			if err := r.awaitColor(ctx, b, s); err != nil {
				return err
			}
		}
		addrs, err := r.full(ctx, b, s.Color)
		if err != nil {
			return err
		}
		moves = append(moves, traffic.Move{Service: b, From: s.From, To: s.To, Ready: addrs, Force: s.Force,
			Rollback: r.plan.Command == plan.Rollback})
		r.Working(s.Service, "flip", "%s → %s", s.From.Color, s.Color)
	}
	err := r.Move(ctx, r.known, moves)
	var late *cluster.UnconfirmedError
	var interrupted *cluster.InterruptedError
	var moved *traffic.MayHaveMovedError
	if err == nil || errors.As(err, &late) || errors.As(err, &interrupted) || errors.As(err, &moved) {
		for _, s := range steps {
			r.serves(s.Service)
		}
	}
	switch {
	case errors.Is(err, traffic.ErrNotReady) && r.plan.Command == plan.Up:
		return &cluster.UnhealthyError{Service: steps[0].Service, Color: string(steps[0].Color), Cause: err.Error()}
	case err != nil:
		return err
	}
	for _, s := range steps {
		if r.plan.Command == plan.Up {
			r.Done(s.Service, "flip", "%s is active: every proxy confirmed", s.Color)
		} else {
			r.Done(s.Service, "flip", "%s → %s: every proxy confirmed", s.From.Color, s.Color)
		}
	}
	for _, s := range steps {
		if err := r.Forget(ctx, r.known, r.blueGreen(s.Service), s.Color); err != nil {
			return err
		}
	}
	return nil
}

// full returns the addresses of a color's tasks when all of them run; else it says what is missing.
func (ex *Executor) full(ctx context.Context, b *cluster.BlueGreen, c cluster.Color) ([]string, error) {
	svc := b.Colors[c]
	tasks, err := ex.Now().CurrentTasks(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	running, want := cluster.RunningTasks(tasks), cluster.WantedTasks(svc.Spec, tasks)
	if len(running) < want || want == 0 {
		return nil, fmt.Errorf("service %s: %s is not ready: %d of %d tasks of %s run: see `docker service ps %s`, or run `docker bluegreen rollback %s`, which repairs it first",
			b.Name, c, len(running), want, svc.Spec.Name, svc.Spec.Name, b.Name)
	}
	return cluster.TaskAddresses(running, cluster.ServingNetwork(svc.Spec, cluster.ServersAlias(ex.Stack, b.Name, c))), nil
}

// retire lets the old color come to rest and carries out what is to be kept of it.
func (r *run) retire(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if b.Colors[s.Color] == nil {
		return nil
	}
	route, err := b.Route()
	if err != nil {
		return err
	}
	if cluster.Color(route.Color) == s.Color {
		return fmt.Errorf("service %s: %s became active meanwhile: run the command again", b.Name, s.Color)
	}
	return r.retireColor(ctx, r.known, b, s.Color, *s.Settings)
}

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
			cause = errors.Join(cause, fmt.Errorf("%s could not be restored: %w: run `docker bluegreen up` or `rollback` again", s.Name, err))
			continue
		}
		after = append(after, text)
	}
	if err := r.undoNetworks(ctx); err != nil {
		r.Warn("", "networks", "some networks of the new release could not be removed: %v", err)
	}
	var u *cluster.UnhealthyError
	if errors.As(cause, &u) {
		u.After = strings.Join(append(after, r.untouched(u.Service)), "; ")
	}
	return cause
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
	if r.served[service] {
		return "its new release gets the traffic already"
	}
	return "traffic was not touched"
}

// remove removes a service and waits until its tasks have ended; nil is no service.
func (r *run) remove(ctx context.Context, svc *api.Service) error {
	if svc == nil {
		return nil
	}
	if err := r.Engine.ServiceRemove(ctx, svc.ID); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("remove service %s: %w", svc.Spec.Name, err)
	}
	return r.AwaitRemoved(ctx, r.known, []api.Service{*svc})
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
	if err := r.awaitReplaced(ctx, w); err != nil {
		return err
	}
	_, err = r.Rewrite(ctx, svc, func(now *api.ServiceSpec) error { now.Labels = cluster.Clone(plain).Labels; return nil })
	return err
}
