package execute

import (
	"context"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// startColor brings a color to its spec and waits until its tasks run and, unless its ports are
// looked at first, every proxy sees them ready.
func (r *run) startColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	r.touch(s)
	step := "color " + string(s.Color)
	r.Working(s.Service, step, "starting %s", s.Cause)
	if s.Settings.Kept() > 0 { // before, so that a color never holds what nobody knows who made
		r.WriteHistory(ctx, r.known, cluster.Past{Service: b.Name, Number: s.Release, Spec: s.Spec, Entry: cluster.Entry{What: cluster.Created}})
	}
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
	anew := live != nil && cluster.ModeOf(live.Spec) != cluster.ModeOf(*s.Spec)
	if anew {
		idle, err := r.emptiedOrClear(ctx, b, s)
		if err != nil {
			return err
		}
		if err := r.discard(ctx, idle); err != nil {
			return err
		}
	}
	if live == nil || anew {
		return r.createService(ctx, s, func(svc *api.Service) { b.Colors[s.Color] = svc })
	}
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	change := func(spec *api.ServiceSpec) { *spec = replacing(r.known, *spec, want) }
	if extends(live.Spec, replacing(r.known, live.Spec, want)) {
		return r.extend(ctx, b, s.Color, change)
	}
	idle, err := r.emptiedOrClear(ctx, b, s)
	if err != nil {
		return err
	}
	return r.replace(ctx, idle, change)
}

// emptiedOrClear is the clearance of a color that this run has stopped before, or a new one. Since
// it was stopped no proxy was told another route, and it has no task that anybody could send to.
func (r *run) emptiedOrClear(ctx context.Context, b *cluster.BlueGreen, s plan.Step) (clearance, error) {
	r.mu.Lock()
	idle, ok := r.emptied[s.Name]
	delete(r.emptied, s.Name)
	r.mu.Unlock()
	if ok {
		return idle, nil
	}
	return r.clear(ctx, r.known, b, s.Color)
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
	b := r.blueGreen(s.Service)
	gone := cluster.ReleaseOf(b.Colors[s.Color].Spec)
	text, err := r.restore(ctx, r.known, b, s.Color)
	if err != nil {
		return err
	}
	r.WriteHistory(ctx, r.known, cluster.Past{Service: s.Service, Number: gone, Entry: cluster.Entry{What: cluster.SentBack, Text: r.plan.Cause}})
	r.Done(s.Service, "color "+string(s.Color), "%s", text)
	return nil
}

// warmColor brings a color to its full number and waits for it.
func (r *run) warmColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if cluster.IsStopped(b.Colors[s.Color].Spec) {
		if err := r.extend(ctx, b, s.Color, func(spec *api.ServiceSpec) { *spec = cluster.Started(*spec) }); err != nil {
			return err
		}
	}
	return r.awaitColor(ctx, b, s)
}

// markColor notes whether the release of an idle color waits for a promote. It writes only a label.
func (r *run) markColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	mark := s.Spec.Labels[cluster.LabelWaiting]
	withdrawn := s.Spec.Labels[cluster.LabelWithdrawn]
	svc, err := r.Relabel(ctx, b.Colors[s.Color], map[string]string{cluster.LabelWaiting: mark, cluster.LabelReady: "", cluster.LabelWithdrawn: withdrawn})
	if err != nil {
		return err
	}
	b.Colors[s.Color] = svc
	text := "release %d waits for a promote"
	switch {
	case withdrawn != "":
		text = "release %d is withdrawn"
	case mark == "":
		text = "release %d waits no more for a promote"
	}
	r.Done(s.Service, "color "+string(s.Color), text, cluster.ReleaseOf(svc.Spec))
	return nil
}

// awaitColor waits until a color runs in its full number.
func (r *run) awaitColor(ctx context.Context, b *cluster.BlueGreen, s plan.Step) error {
	_, err := r.Await(ctx, r.known, cluster.Waiting{Service: s.Service, Color: s.Color, Step: "color " + string(s.Color), Svc: b.Colors[s.Color], Timeout: s.Timeout})
	return err
}
