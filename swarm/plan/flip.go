package plan

import (
	"cmp"
	"fmt"
	"strconv"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// ForFlip returns the plan that makes the idle colors active, or the color that opts names, of all
// services in one order. A service whose color is active already has no step. It is refused, with
// the reason, when a color is missing.
func ForFlip(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	return turn(FlipTo, seen, opts, flipped)
}

// ForPromote returns the plan that makes the releases active that wait for it. A service without
// one has no step.
func ForPromote(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	return turn(Promote, seen, opts, promoted)
}

// ForRollback returns the plan that makes the colors active that were so before: one that was
// scaled down is started, and a release that another took the place of is restored first.
func ForRollback(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	if opts.Release > 0 {
		return ForRollbackTo(seen, opts)
	}
	p, err := withdrawn(seen, opts)
	if err == nil && len(p.Steps) == 0 {
		p, err = turn(Rollback, seen, opts, rolledBack)
	}
	p.Cause = opts.Reason
	return p, err
}

// withdrawn is the plan that gives the idle colors their earlier releases back whose releases are
// just tested, without any traffic: that is what a rollback is for then, and it does no more.
func withdrawn(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	names, err := seen.Names(opts.Services)
	if err != nil {
		return Plan{Command: Rollback, Stack: seen.Stack}, err
	}
	return forEach(Rollback, seen, names, func(b *cluster.BlueGreen, route haproxy.Route, _ *bluegreen.Settings) ([]Step, error) {
		idle := cluster.Color(route.Color).Other()
		svc, saved := b.Colors[idle], b.Saved[idle]
		if svc == nil || route.Share > 0 {
			return nil, nil
		}
		number := strconv.Itoa(cluster.ReleaseOf(svc.Spec))
		t := opts.Tested[b.Name]
		found := t.Color == idle && strconv.Itoa(t.Release) == number
		begun := svc.Spec.Labels[cluster.LabelWithdrawn]
		if !found && begun == "" {
			return nil, nil
		}
		cause := fmt.Sprintf("release %s has not passed its tests yet", cmp.Or(begun, number))
		mark := marked(svc.Spec, idle, "", cause)
		if saved == nil && cluster.ServedBy(svc.Spec) > 0 { // it was active before: it stays as it is
			return []Step{mark}, nil
		}
		mark.Spec.Labels[cluster.LabelWithdrawn] = cmp.Or(begun, number)
		step := Step{Do: RemoveColor, Name: svc.Spec.Name, Color: idle, Cause: cause}
		if saved != nil {
			step.Do, step.Release = RestoreColor, cluster.ReleaseOf(*saved)
		}
		return []Step{mark, step}, nil
	})
}

// target returns the steps that make a color able to take the traffic, and that color; None when
// there is nothing to do.
type target func(seen *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, opts FlipOptions) (cluster.Color, []Step, error)

func turn(command Command, seen *cluster.Snapshot, opts FlipOptions, find target) (Plan, error) {
	names, err := seen.Names(opts.Services)
	if err != nil {
		return Plan{Command: command, Stack: seen.Stack}, err
	}
	return forEach(command, seen, names, func(b *cluster.BlueGreen, route haproxy.Route, settings *bluegreen.Settings) ([]Step, error) {
		if route.Share > 0 && leavesIdle(command, b, route, opts) {
			return takenBack(b, route, command), nil
		}
		to, steps, err := find(seen, b, route, opts)
		if err != nil || to == cluster.None {
			return nil, err
		}
		flip := flipTo(b, route, to, heldAfter(steps, b, to))
		flip.Force = command == Rollback
		flip.Guarded = command != Rollback && settings.Guard != nil && newest(b) == to
		steps = append(steps, flip)
		if old := cluster.Color(route.Color); settings.Keep == bluegreen.KeepCold && b.Colors[old] != nil && !flip.Guarded {
			steps = append(steps, retired(b, old, settings))
		}
		return steps, nil
	})
}

// forEach is a plan of the steps that find returns for each service, one after the other for each.
func forEach(command Command, seen *cluster.Snapshot, names []string,
	find func(b *cluster.BlueGreen, route haproxy.Route, settings *bluegreen.Settings) ([]Step, error),
) (Plan, error) {
	p := Plan{Command: command, Stack: seen.Stack, Stands: map[string]Stand{}}
	for _, name := range names {
		b := seen.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return p, err
		}
		p.Stands[name] = standOf(b, route)
		settings, err := b.Settings()
		if err != nil {
			return p, err
		}
		steps, err := find(b, route, &settings)
		if err != nil {
			return p, err
		}
		for i := range steps {
			s := &steps[i]
			s.Service, s.Settings, s.Phase, s.Timeout = name, &settings, s.Do.Traits().Phase, settings.Timeout
			if i > 0 && steps[i-1].Phase == s.Phase {
				s.After = []int{len(p.Steps) + i - 1}
			}
		}
		p.Steps = append(p.Steps, steps...)
	}
	return p, nil
}

// flipTo is the step that gives all traffic to a color.
func flipTo(b *cluster.BlueGreen, route haproxy.Route, to cluster.Color, cause string) Step {
	return Step{Do: Flip, Name: b.Proxy.Spec.Name, Color: to, From: route,
		To: haproxy.Route{Sequence: route.Next(), Color: string(to), State: route.State}, Cause: cause}
}

// retired is the step that retires a color after the flip to the other one.
func retired(b *cluster.BlueGreen, c cluster.Color, settings *bluegreen.Settings) Step {
	return Step{Do: Retire, Name: b.Colors[c].Spec.Name, Color: c, Cause: "it is idle after the flip, keep: " + settings.Keep}
}

// flipped is the target of a flip.
func flipped(seen *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, opts FlipOptions) (cluster.Color, []Step, error) {
	to := cluster.Color(route.Color).Other()
	if opts.To != "" {
		to = cluster.Color(opts.To)
	} else if seen.Finished[b.Name] != "" {
		return cluster.None, nil, nil // the flip before this one had not ended: this one is the same again
	}
	if to == cluster.Color(route.Color) {
		return cluster.None, nil, nil
	}
	svc := b.Colors[to]
	if svc == nil {
		return cluster.None, nil, fmt.Errorf("service %s has no %s yet: run `docker bluegreen up` with a new release", b.Name, to)
	}
	return to, warmed(svc, to), nil
}

// promoted is the target of a promote: the release that waits, and the newest one if the idle color
// has a share of the traffic.
func promoted(_ *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, _ FlipOptions) (cluster.Color, []Step, error) {
	to := b.Waiting()
	if to == cluster.None && route.Share > 0 {
		to = newest(b)
	}
	if to == cluster.None {
		return to, nil, nil
	}
	return to, warmed(b.Colors[to], to), nil
}

// warmed are the steps that start a color that is scaled to 0.
func warmed(svc *api.Service, c cluster.Color) []Step {
	if !cluster.IsStopped(svc.Spec) {
		return nil
	}
	return []Step{{Do: WarmColor, Name: svc.Spec.Name, Color: c, Cause: "it is scaled to 0"}}
}

// rolledBack is the target of a rollback.
func rolledBack(seen *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, _ FlipOptions) (cluster.Color, []Step, error) {
	if seen.Finished[b.Name] == cluster.BeganByRollback {
		return cluster.None, nil, nil // the rollback before this one had not ended: this one is the same again
	}
	if route.Tripped {
		return cluster.None, nil, nil // who sees a bad release may come right after its guard
	}
	to := cluster.Color(route.Color).Other()
	before, _ := strconv.Atoi(b.Proxy.Spec.Labels[cluster.LabelPrevious]) // 0: there has been no flip
	svc, saved := b.Colors[to], b.Saved[to]
	var steps []Step
	switch {
	case before == 0:
		return cluster.None, nil, fmt.Errorf("service %s cannot roll back: it has not been flipped yet", b.Name)
	case svc == nil:
		return cluster.None, nil, fmt.Errorf("service %s cannot roll back to release %d: %s was removed by hand: run `docker bluegreen up` with the file of that release",
			b.Name, before, cluster.ColorName(seen.Stack, b.Name, to))
	case saved != nil && cluster.ReleaseOf(*saved) == before && cluster.ReleaseOf(svc.Spec) != before:
		steps = append(steps, Step{Do: RestoreColor, Name: svc.Spec.Name, Color: to, Release: before,
			Cause: fmt.Sprintf("release %d had no traffic yet", cluster.ReleaseOf(svc.Spec))})
	case cluster.ReleaseOf(svc.Spec) != before:
		return cluster.None, nil, fmt.Errorf("service %s: release %d is gone, and %s holds release %d, which was not active before: run `docker bluegreen flip %s` to make it active",
			b.Name, before, svc.Spec.Name, cluster.ReleaseOf(svc.Spec), b.Name)
	}
	switch {
	case len(steps) > 0 && cluster.IsStopped(*saved), len(steps) == 0 && cluster.IsStopped(svc.Spec):
		steps = append(steps, Step{Do: WarmColor, Name: svc.Spec.Name, Color: to, Cause: "it is scaled to 0"})
	case len(steps) == 0 && short(*svc):
		steps = append(steps, Step{Do: WarmColor, Name: svc.Spec.Name, Color: to, Cause: "not all of its tasks run"})
	}
	return to, steps, nil
}

// heldAfter says what a color holds after steps.
func heldAfter(steps []Step, b *cluster.BlueGreen, c cluster.Color) string {
	release := cluster.ReleaseOf(b.Colors[c].Spec)
	for _, s := range steps {
		if s.Do == RestoreColor {
			release = s.Release
		}
	}
	return fmt.Sprintf("release %d", release)
}
