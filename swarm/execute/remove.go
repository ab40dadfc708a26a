package execute

import (
	"context"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// removeOfStack removes a service together with its stack: tasks are waited for when all services
// are removed.
func (r *run) removeOfStack(ctx context.Context, s plan.Step) error {
	if b := r.known.Entry(s.Service); s.Color != cluster.None && b.Colors[s.Color] != nil {
		idle, err := r.clearOfDown(ctx, b, s.Color)
		if err != nil {
			return err
		}
		if err := r.discard(ctx, idle); err != nil {
			return err
		}
		r.Done("", "service "+s.Name, "removed")
		return nil
	}
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
	color := b.Colors[s.Color]
	idle, err := r.clear(ctx, r.known, b, s.Color)
	if err != nil {
		return err
	}
	if err := r.discard(ctx, idle); err != nil {
		return err
	}
	if err := r.AwaitRemoved(ctx, r.known, []api.Service{*color}); err != nil {
		return err
	}
	r.Done(s.Service, "color "+string(s.Color), "removed: %s", s.Cause)
	return r.Forget(ctx, r.known, b, s.Color)
}

// removeNetwork removes a network; with the control network the generated files of proxies go too.
// They go first: should this be interrupted, the network tells the next command that there is
// something to remove.
func (r *run) removeNetwork(ctx context.Context, s plan.Step) error {
	ctx, cancel := context.WithTimeout(ctx, cluster.RemovalTime)
	defer cancel()
	n, _ := r.known.Network(s.Name)
	if r.plan.Command != plan.Down { // there files have steps of their own
		if err := r.removeFiles(ctx); err != nil {
			return err
		}
	}
	return r.Executor.RemoveNetwork(ctx, n)
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

// remove removes a service that is no color, and waits until its tasks have ended; nil is no
// service.
func (r *run) remove(ctx context.Context, svc *api.Service) error {
	if svc == nil {
		return nil
	}
	if svc.Spec.Labels[cluster.LabelRole] == cluster.RoleColor {
		return fmt.Errorf("remove service %s: nobody has asked the proxies whether they send to it", svc.Spec.Name)
	}
	if err := r.Engine.ServiceRemove(ctx, svc.ID); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("remove service %s: %w", svc.Spec.Name, err)
	}
	return r.AwaitRemoved(ctx, r.known, []api.Service{*svc})
}
