package plan

import (
	"fmt"
	"maps"
	"slices"
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
	return turn(Rollback, seen, opts, rolledBack)
}

// ForCanary returns the plan that gives the idle colors a share of the traffic, of all services in
// one order. A service that has this share already has no step.
func ForCanary(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	p := Plan{Command: Canary, Stack: seen.Stack}
	names, err := seen.Names(opts.Services)
	if err != nil {
		return p, err
	}
	some := false
	for _, name := range names {
		b := seen.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return p, err
		}
		settings, err := b.Settings()
		if err != nil {
			return p, err
		}
		some = some || settings.Canary != nil
		switch {
		case settings.Canary == nil && len(opts.Services) > 0:
			return p, fmt.Errorf("service %s: its proxies can give no share of the traffic: write x-bluegreen: {canary: {}} in the file, and run `docker bluegreen up`", name)
		case settings.Canary == nil || route.Share == opts.Share:
			continue
		}
		idle := cluster.Color(route.Color).Other()
		svc := b.Colors[idle]
		var steps []Step
		switch {
		case svc == nil:
			return p, fmt.Errorf("service %s has no %s yet: run `docker bluegreen up` with a new release", name, idle)
		case opts.Share > 0:
			steps = warmed(svc, idle)
		}
		p.append(name, &settings, append(steps, shared(b, route, opts.Share)))
	}
	if !some {
		return p, fmt.Errorf("no service of stack %s can give a share of its traffic: write x-bluegreen: {canary: {}} in the file, and run `docker bluegreen up`", seen.Stack)
	}
	return p, nil
}

// Onward is what a step of a canary gives a release: a share in percent, or with 100 all traffic.
type Onward struct {
	Release, Share int
}

// ForSteps returns the plan that gives releases on idle colors their next shares, by service, all
// in one order. Those that get all traffic are flipped to, and the colors that they leave retired.
func ForSteps(seen *cluster.Snapshot, next map[string]Onward) (Plan, error) {
	p := Plan{Command: Up, Stack: seen.Stack}
	for _, name := range slices.Sorted(maps.Keys(next)) {
		b := seen.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return p, err
		}
		settings, err := b.Settings()
		if err != nil {
			return p, err
		}
		if next[name].Share < 100 {
			step := shared(b, route, next[name].Share)
			step.Waits = true
			p.append(name, &settings, []Step{step})
			continue
		}
		idle := cluster.Color(route.Color).Other()
		p.append(name, &settings, []Step{
			{Do: Flip, Name: b.Proxy.Spec.Name, Color: idle, From: route, To: haproxy.Route{Sequence: route.Sequence + 1, Color: string(idle)},
				Waits: true, Cause: fmt.Sprintf("release %d has had its shares", next[name].Release)},
			{Do: Retire, Name: cluster.ColorName(seen.Stack, name, idle.Other()), Color: idle.Other(), Cause: "it is idle after the flip, keep: " + settings.Keep},
		})
	}
	return p, nil
}

// ForTakingBack returns the plan that gives all traffic of services to their active colors again,
// as a rollback does.
func ForTakingBack(seen *cluster.Snapshot, names []string) (Plan, error) {
	p := Plan{Command: Rollback, Stack: seen.Stack}
	for _, name := range names {
		b := seen.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return p, err
		}
		settings, err := b.Settings()
		if err != nil {
			return p, err
		}
		if route.Share > 0 {
			p.append(name, &settings, takenBack(b, route, Rollback))
		}
	}
	return p, nil
}

// shared is the step that gives the idle color a share of the traffic.
func shared(b *cluster.BlueGreen, route haproxy.Route, share int) Step {
	idle := cluster.Color(route.Color).Other()
	cause := fmt.Sprintf("%s gets %d %%", idle, share)
	if svc := b.Colors[idle]; svc != nil {
		cause += fmt.Sprintf(" for release %d", cluster.ReleaseOf(svc.Spec))
	}
	if route.Share > 0 {
		cause += fmt.Sprintf(", and not %d %%", route.Share)
	}
	return Step{Do: Share, Name: b.Proxy.Spec.Name, Service: b.Name, Color: idle, From: route,
		To: haproxy.Route{Sequence: route.Sequence + 1, Color: route.Color, Share: share}, Cause: cause}
}

// takenBack are the steps that give all traffic to the active color again. By a rollback the
// release on the other one waits no more. That comes first: a rollback that is run again after the
// share is gone would go further back.
func takenBack(b *cluster.BlueGreen, route haproxy.Route, command Command) []Step {
	var steps []Step
	if idle := b.Waiting(); command == Rollback && idle != cluster.None {
		spec := cluster.Clone(b.Colors[idle].Spec)
		cluster.SetLabels(&spec, map[string]string{cluster.LabelWaiting: ""})
		steps = append(steps, Step{Do: MarkColor, Name: spec.Name, Color: idle, Spec: &spec, Cause: "it is rolled back"})
	}
	return append(steps, shared(b, route, 0))
}

// leavesIdle says whether a command gives all traffic to the active color, while the other one has
// a share of it.
func leavesIdle(command Command, b *cluster.BlueGreen, route haproxy.Route, opts FlipOptions) bool {
	switch command {
	case FlipTo:
		return opts.To == route.Color
	case Promote:
		return b.Waiting() == cluster.None && newest(b) == cluster.Color(route.Color)
	}
	return command == Rollback
}

// newest is the color with the highest release.
func newest(b *cluster.BlueGreen) cluster.Color {
	blue, green := b.Colors[cluster.Blue], b.Colors[cluster.Green]
	if green != nil && (blue == nil || cluster.ReleaseOf(green.Spec) > cluster.ReleaseOf(blue.Spec)) {
		return cluster.Green
	}
	return cluster.Blue
}

// append adds the steps of a service, one after the other.
func (p *Plan) append(service string, settings *bluegreen.Settings, steps []Step) {
	for i := range steps {
		s := &steps[i]
		s.Service, s.Settings, s.Phase, s.Timeout = service, settings, s.Do.Traits().Phase, settings.Timeout
		if i > 0 {
			s.After = []int{len(p.Steps) + i - 1}
		}
	}
	p.Steps = append(p.Steps, steps...)
}

// target returns the steps that make a color able to take the traffic, and that color; None when
// there is nothing to do.
type target func(seen *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, opts FlipOptions) (cluster.Color, []Step, error)

func turn(command Command, seen *cluster.Snapshot, opts FlipOptions, find target) (Plan, error) {
	p := Plan{Command: command, Stack: seen.Stack}
	names, err := seen.Names(opts.Services)
	if err != nil {
		return p, err
	}
	for _, name := range names {
		b := seen.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return p, err
		}
		settings, err := b.Settings()
		if err != nil {
			return p, err
		}
		if route.Share > 0 && leavesIdle(command, b, route, opts) {
			p.append(name, &settings, takenBack(b, route, command))
			continue
		}
		to, steps, err := find(seen, b, route, opts)
		if err != nil {
			return p, err
		}
		if to == cluster.None {
			continue
		}
		steps = append(steps, Step{Do: Flip, Name: b.Proxy.Spec.Name, Color: to, From: route,
			To: haproxy.Route{Sequence: route.Sequence + 1, Color: string(to)}, Force: command == Rollback, Cause: heldAfter(steps, b, to)})
		if old := cluster.Color(route.Color); settings.Keep == bluegreen.KeepCold && b.Colors[old] != nil {
			steps = append(steps, Step{Do: Retire, Name: b.Colors[old].Spec.Name, Color: old,
				Cause: "it is idle after the flip, keep: " + settings.Keep})
		}
		p.append(name, &settings, steps)
	}
	return p, nil
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
