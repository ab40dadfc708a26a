package swarm

import (
	"context"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"
)

// startColor brings a color to its spec and waits until its tasks run and, unless its ports are looked at first, every
// proxy sees them ready.
func (r *run) startColor(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	r.touch(s)
	step := "color " + string(s.Color)
	r.working(s.Service, step, "starting %s", s.Cause)
	if err := r.putColor(ctx, b, s); err != nil {
		return err
	}
	if _, err := r.await(ctx, r.seen, waiting{Service: s.Service, Color: s.Color, Step: step, Svc: b.Colors[s.Color], Timeout: s.Timeout}); err != nil {
		return err
	}
	if b.Proxy == nil || s.Look != nil {
		return nil
	}
	return r.awaitReady(ctx, b, s.Color, s.Timeout)
}

// putColor creates the color's service or writes its spec. A service whose mode is another is made anew.
func (r *run) putColor(ctx context.Context, b *BlueGreen, s Step) error {
	live := b.Colors[s.Color]
	keep := func(svc *api.Service) { b.Colors[s.Color] = svc }
	if live != nil && modeOf(live.Spec) != modeOf(*s.Spec) {
		if err := r.engine.ServiceRemove(ctx, live.ID); err != nil && !notFound(err) {
			return fmt.Errorf("remove service %s: %w", s.Name, err)
		}
		live = nil
	}
	if live == nil {
		return r.createService(ctx, s, keep)
	}
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	svc, err := r.rewrite(ctx, live, func(spec *api.ServiceSpec) error {
		*spec = replacing(r.seen, *spec, want)
		return nil
	})
	if err != nil {
		return err
	}
	keep(svc)
	return nil
}

// changeColor changes the active color while it serves: its number of replicas and labels, never its tasks' making.
func (r *run) changeColor(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	svc, err := r.rewrite(ctx, b.Colors[s.Color], func(spec *api.ServiceSpec) error {
		setLabels(spec, map[string]string{LabelPorts: s.Spec.Labels[LabelPorts], LabelReplicas: s.Spec.Labels[LabelReplicas]})
		spec.Mode = s.Spec.Mode
		return nil
	})
	if err != nil {
		return err
	}
	b.Colors[s.Color] = svc
	_, err = r.await(ctx, r.seen, waiting{Service: s.Service, Color: s.Color, Step: "color " + string(s.Color), Svc: svc, Timeout: s.Timeout})
	return err
}
