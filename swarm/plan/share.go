package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// ForCanary returns the plan that gives the idle colors a share of the traffic, of all services in
// one order. A service that has this share already has no step.
func ForCanary(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	const way = "write x-bluegreen: {canary: {}} in the file, and run `docker bluegreen up`"
	names, err := seen.Names(opts.Services)
	if err != nil {
		return Plan{Command: Canary, Stack: seen.Stack}, err
	}
	some := false
	p, err := forEach(Canary, seen, names, func(b *cluster.BlueGreen, route haproxy.Route, settings *bluegreen.Settings) ([]Step, error) {
		some = some || settings.Canary != nil
		switch {
		case settings.Canary == nil && len(opts.Services) > 0:
			return nil, fmt.Errorf("service %s: its proxies can give no share of the traffic: %s", b.Name, way)
		case settings.Canary == nil || route.Share == opts.Share:
			return nil, nil
		}
		idle := cluster.Color(route.Color).Other()
		svc := b.Colors[idle]
		var steps []Step
		switch {
		case svc == nil:
			return nil, fmt.Errorf("service %s has no %s yet: run `docker bluegreen up` with a new release", b.Name, idle)
		case opts.Share > 0:
			steps = warmed(svc, idle)
		}
		step := shared(b, route, opts.Share)
		step.Guarded = step.To.Share > 0 && settings.Guard != nil && newest(b) == idle
		return append(steps, step), nil
	})
	if err == nil && !some {
		err = fmt.Errorf("no service of stack %s can give a share of its traffic: %s", seen.Stack, way)
	}
	return p, err
}

// Onward is what a step of a canary gives a release: a share in percent, or with 100 all traffic,
// and then these verifications.
type Onward struct {
	Release, Share int
	Verify         []Step
	// Baked says that it has all traffic, and that nobody need watch it any more.
	Baked bool
}

// ForSteps returns the plan that gives releases on idle colors their next shares, by service, all
// in one order. Those that get all traffic are flipped to, and the colors that they leave retired.
func ForSteps(seen *cluster.Snapshot, next map[string]Onward) (Plan, error) {
	return forEach(Up, seen, slices.Sorted(maps.Keys(next)), func(b *cluster.BlueGreen, route haproxy.Route, settings *bluegreen.Settings) ([]Step, error) {
		onward := next[b.Name]
		active := cluster.Color(route.Color)
		if onward.Baked {
			steps := []Step{unguarded(b, route)}
			if idle := b.Colors[active.Other()]; idle != nil {
				steps = append(steps, retired(b, active.Other(), settings))
			}
			return steps, nil
		}
		if onward.Share < 100 {
			step := shared(b, route, onward.Share)
			step.Waits, step.Guarded = true, settings.Guard != nil
			return []Step{step}, nil
		}
		step := flipTo(b, route, active.Other(), fmt.Sprintf("release %d has had its shares", onward.Release))
		step.Waits, step.Guarded = true, settings.Guard != nil
		steps := append([]Step{step}, onward.Verify...)
		if b.Colors[active] != nil && !step.Guarded {
			steps = append(steps, retired(b, active, settings))
		}
		return steps, nil
	})
}

// ForTakingBack returns the plan that gives all traffic of services to their active colors again,
// as a rollback does; their releases wait no more.
func ForTakingBack(seen *cluster.Snapshot, names []string) (Plan, error) {
	return forEach(Rollback, seen, names, func(b *cluster.BlueGreen, route haproxy.Route, _ *bluegreen.Settings) ([]Step, error) {
		steps := takenBack(b, route, Rollback)
		if route.Share == 0 {
			return steps[:len(steps)-1], nil // no more than the mark
		}
		return steps, nil
	})
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
		To: haproxy.Route{Sequence: route.Next(), Color: route.Color, Share: share, State: route.State}, Cause: cause}
}

// unguarded is the step after which no proxy watches any more, and none can go back by itself.
func unguarded(b *cluster.BlueGreen, route haproxy.Route) Step {
	step := shared(b, route, route.Share)
	step.EndsGuard, step.Color, step.Cause = true, cluster.Color(route.Color), "its guard ends"
	return step
}

// takenBack are the steps that give all traffic to the active color again. By a rollback the
// release on the other one waits no more. That comes first: a rollback that is run again after the
// share is gone would go further back.
func takenBack(b *cluster.BlueGreen, route haproxy.Route, command Command) []Step {
	var steps []Step
	if idle := b.Waiting(); command == Rollback && idle != cluster.None {
		steps = append(steps, marked(b.Colors[idle].Spec, idle, "", "it is rolled back"))
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
