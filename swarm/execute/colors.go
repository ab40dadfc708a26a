package execute

import (
	"context"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// startColor brings a color to its spec and waits until its tasks run and, unless its ports are
// looked at first, every proxy sees them ready.
func (r *run) startColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	r.touch(s)
	step := "color " + string(s.Color)
	r.Working(s.Service, step, "starting %s", s.Cause)
	if err := r.putColor(ctx, b, s); err != nil {
		return err
	}
	if _, err := r.Await(ctx, r.known, cluster.Waiting{Service: s.Service, Color: s.Color, Step: step, Svc: b.Colors[s.Color], Timeout: s.Timeout}); err != nil {
		return err
	}
	if b.Proxy == nil || s.Look != nil || s.Revives {
		return nil
	}
	return r.awaitReady(ctx, b, s.Color, s.Timeout)
}

// putColor creates the color's service or writes its spec. A service whose mode is another is made
// anew.
func (r *run) putColor(ctx context.Context, b *cluster.BlueGreen, s plan.Step) error {
	live := b.Colors[s.Color]
	keep := func(svc *api.Service) { b.Colors[s.Color] = svc }
	if live != nil && cluster.ModeOf(live.Spec) != cluster.ModeOf(*s.Spec) {
		if err := r.Engine.ServiceRemove(ctx, live.ID); err != nil && !engine.NotFound(err) {
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
	svc, err := r.Rewrite(ctx, live, func(spec *api.ServiceSpec) error {
		*spec = replacing(r.known, *spec, want)
		return nil
	})
	if err != nil {
		return err
	}
	keep(svc)
	return nil
}

// changeColor changes the active color while it serves: its number of replicas and labels, never
// its tasks' making.
func (r *run) changeColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	svc, err := r.Rewrite(ctx, b.Colors[s.Color], func(spec *api.ServiceSpec) error {
		cluster.SetLabels(spec, map[string]string{cluster.LabelPorts: s.Spec.Labels[cluster.LabelPorts], cluster.LabelReplicas: s.Spec.Labels[cluster.LabelReplicas]})
		spec.Mode = s.Spec.Mode
		return nil
	})
	if err != nil {
		return err
	}
	b.Colors[s.Color] = svc
	_, err = r.Await(ctx, r.known, cluster.Waiting{Service: s.Service, Color: s.Color, Step: "color " + string(s.Color), Svc: svc, Timeout: s.Timeout})
	return err
}

// restoreColor gives a color the release back that it held before.
func (r *run) restoreColor(ctx context.Context, s plan.Step) error {
	text, err := r.restore(ctx, r.known, r.blueGreen(s.Service), s.Color)
	if err != nil {
		return err
	}
	r.Done(s.Service, "color "+string(s.Color), "%s", text)
	return nil
}

// warmColor brings a color to its full number and waits for it.
func (r *run) warmColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if cluster.IsStopped(b.Colors[s.Color].Spec) {
		svc, err := r.Rewrite(ctx, b.Colors[s.Color], func(spec *api.ServiceSpec) error {
			*spec = cluster.Started(*spec)
			return nil
		})
		if err != nil {
			return err
		}
		b.Colors[s.Color] = svc
	}
	return r.awaitColor(ctx, b, s)
}

// awaitColor waits until a color runs in its full number.
func (r *run) awaitColor(ctx context.Context, b *cluster.BlueGreen, s plan.Step) error {
	_, err := r.Await(ctx, r.known, cluster.Waiting{Service: s.Service, Color: s.Color, Step: "color " + string(s.Color), Svc: b.Colors[s.Color], Timeout: s.Timeout})
	return err
}
