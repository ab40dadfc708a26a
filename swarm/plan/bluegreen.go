package plan

import (
	"fmt"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Entry plans a blue-green service. b is what the swarm holds of it, nil for nothing.
func (pl *planner) blueGreen(svc compose.Service, b *cluster.BlueGreen) error {
	if err := pl.colorNames(svc); err != nil {
		return err
	}
	if b == nil {
		b = &cluster.BlueGreen{Name: svc.Name, Colors: map[cluster.Color]*api.Service{}, Saved: map[cluster.Color]*api.ServiceSpec{}}
	}
	if b.Proxy == nil {
		return pl.first(svc, b)
	}
	route, err := b.Route()
	if err != nil {
		return err
	}
	if b.Colors[cluster.Color(route.Color)] == nil {
		return pl.revive(svc, b, route)
	}
	return pl.following(svc, b, route)
}

func (pl *planner) colorNames(svc compose.Service) error {
	for _, c := range cluster.Colors {
		if name := cluster.ColorName(pl.project.Name, svc.Name, c); pl.seen.IsForeign(name) {
			return fmt.Errorf("service %s: the swarm service %s is not of stack %s, but the color %s needs that name: give the service "+
				"another name in the file, or the stack with -p", svc.Name, name, pl.project.Name, c)
		}
	}
	return nil
}

// first plans a service without proxies: one color, then the proxies with that color active.
// Nothing takes traffic through proxies yet; but colors may be there, from an up that was ended or
// when the proxies were removed.
func (pl *planner) first(svc compose.Service, b *cluster.BlueGreen) error {
	color := pl.firstColor(svc, b)
	route := haproxy.Route{Sequence: b.LastServed() + 1, Color: string(color)}
	spec, err := pl.colorSpec(svc, color, pl.seen.LastRelease(b)+1, b.Colors[color])
	if err != nil {
		return err
	}
	live := b.Colors[color]
	if live != nil && pl.sameRelease(spec, live.Spec) {
		spec.Labels[cluster.LabelRelease] = live.Spec.Labels[cluster.LabelRelease]
		if cluster.IsStopped(live.Spec) || short(*live) {
			pl.start(svc, color, spec, "its tasks do not run")
		}
		tests, err := pl.tests(svc, color, cluster.ReleaseOf(spec), false)
		if err != nil {
			return err
		}
		if cluster.ServedBy(live.Spec) == 0 && !hasPassed(live, tests) { // an up was ended before it had passed
			pl.steps = append(pl.steps, tests...)
		}
	} else {
		cause := "first release"
		if live != nil {
			cause = pl.taskCause(spec, live.Spec)
			pl.add(Step{Do: StopColor, Name: spec.Name, Service: svc.Name, Color: color, Settings: svc.BlueGreen,
				Cause: fmt.Sprintf("it makes room for release %d", cluster.ReleaseOf(spec))})
		}
		pl.start(svc, color, spec, cause)
		tests, err := pl.tests(svc, color, cluster.ReleaseOf(spec), false)
		if err != nil {
			return err
		}
		pl.steps = append(pl.steps, tests...)
	}
	return pl.proxies(svc, b, route, map[cluster.Color]bluegreen.Release{color: svc.BlueGreen.Release})
}

// firstColor is the color that will be active first: one that holds what the file says, else one
// that never served, so that the way back to the other survives.
func (pl *planner) firstColor(svc compose.Service, b *cluster.BlueGreen) cluster.Color {
	served := cluster.None
	var last uint64
	for _, c := range cluster.Colors {
		live := b.Colors[c]
		if live == nil {
			continue
		}
		if spec, err := pl.colorSpec(svc, c, 0, live); err == nil && pl.sameRelease(spec, live.Spec) {
			return c
		}
		if n := cluster.ServedBy(live.Spec); n > last {
			served, last = c, n
		}
	}
	switch {
	case served != cluster.None:
		return served.Other()
	case b.Colors[cluster.Blue] == nil && b.Colors[cluster.Green] != nil:
		return cluster.Green
	}
	return cluster.Blue
}

// following plans a service whose proxies run: what changed decides what happens.
func (pl *planner) following(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route) error {
	active := cluster.Color(route.Color)
	idle, live := active.Other(), b.Colors[active]
	spec, err := pl.colorSpec(svc, active, cluster.ReleaseOf(live.Spec), live)
	if err != nil {
		return err
	}
	releases := map[cluster.Color]bluegreen.Release{}
	if r, ok := pl.portsOf(b.Colors[idle]); ok {
		releases[idle] = r
	}
	if !pl.sameTasks(spec, live.Spec) {
		return pl.newRelease(svc, b, route, releases, pl.taskCause(spec, live.Spec))
	}
	before, _ := pl.portsOf(live)
	pl.checkPorts(svc, active, Look{Ports: svc.BlueGreen.Ports, Proxies: &b.Proxy.Spec, Serving: true}, before.Ports)
	releases[active] = svc.BlueGreen.Release
	if err := pl.proxies(svc, b, route, releases); err != nil {
		return err
	}
	pl.inPlace(svc, active, spec, live)
	if live.Spec.Labels[cluster.LabelUnverified] != "" { // an up has ended before it had passed
		verify, err := pl.verifications(svc, active, cluster.ReleaseOf(live.Spec))
		if err != nil {
			return err
		}
		pl.steps = append(pl.steps, verify...)
	}
	if route.Share > 0 {
		pl.takeShare(svc, b, route)
	} else if route.Guard.On && svc.BlueGreen.Guard != nil {
		pl.waiting = append(pl.waiting, Waiting{Service: svc.Name, Color: active, Release: cluster.ReleaseOf(live.Spec), Guard: svc.BlueGreen.Guard, Bakes: true})
	} else if route.Guard.On {
		pl.endGuard(svc, b, route)
	}
	if b.Waiting() == idle {
		pl.mark(svc, idle, b.Colors[idle].Spec, "", fmt.Sprintf("the file says what is active, and not release %d", cluster.ReleaseOf(b.Colors[idle].Spec)))
	}
	if other := b.Colors[idle]; other != nil && !route.Guard.On && svc.BlueGreen.Keep == bluegreen.KeepCold && !cluster.IsStopped(other.Spec) && cluster.ServedBy(other.Spec) > 0 {
		pl.retire(svc, idle, "keep is cold")
	}
	return nil
}

// revive plans the return of an active color that was removed by hand: nothing answers until it is
// back.
func (pl *planner) revive(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route) error {
	active := cluster.Color(route.Color)
	spec, err := pl.colorSpec(svc, active, pl.seen.LastRelease(b)+1, b.Colors[active.Other()])
	if err != nil {
		return err
	}
	pl.start(svc, active, spec, "the active color was removed by hand")
	switch {
	case route.Share > 0:
		pl.takeShare(svc, b, route)
		pl.steps[len(pl.steps)-1].Late = true
	case route.Guard.On && svc.BlueGreen.Guard == nil:
		pl.endGuard(svc, b, route)
		pl.steps[len(pl.steps)-1].Late = true
	}
	releases := map[cluster.Color]bluegreen.Release{active: svc.BlueGreen.Release}
	if r, ok := pl.portsOf(b.Colors[active.Other()]); ok {
		releases[active.Other()] = r
	}
	if err := pl.proxies(svc, b, route, releases); err != nil {
		return err
	}
	if pl.has(svc.Name, UpdateProxies) {
		for i := range pl.steps {
			s := &pl.steps[i]
			s.Revives = s.Revives || s.Do == StartColor && s.Service == svc.Name
		}
	}
	return nil
}

// newRelease plans the idle color's new release and the flip to it.
func (pl *planner) newRelease(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route, releases map[cluster.Color]bluegreen.Release, cause string) error {
	active := cluster.Color(route.Color)
	idle := active.Other()
	if r, ok := pl.portsOf(b.Colors[active]); ok {
		releases[active] = r
	}
	releases[idle] = svc.BlueGreen.Release
	spec, err := pl.colorSpec(svc, idle, pl.seen.LastRelease(b)+1, b.Colors[active])
	if err != nil {
		return err
	}
	waits := pl.waits(svc)
	tested := len(svc.BlueGreen.Test) > 0
	if len(svc.BlueGreen.Verify) > 0 {
		spec.Labels[cluster.LabelUnverified] = "1"
	}
	if waits && !tested { // else once it has passed: promote must not find it before
		spec.Labels[cluster.LabelWaiting] = cluster.WaitsSince(route)
	}
	live := b.Colors[idle]
	same := live != nil && pl.sameRelease(spec, live.Spec)
	if route, err = pl.leaveIdle(svc, b, route, same); err != nil {
		return err
	}
	switch {
	case same:
		cluster.SetLabels(&spec, map[string]string{cluster.LabelRelease: live.Spec.Labels[cluster.LabelRelease], cluster.LabelServed: live.Spec.Labels[cluster.LabelServed]})
		if cluster.IsStopped(live.Spec) || short(*live) || *OrOne(cluster.Replicas(live.Spec)) < *OrOne(cluster.Replicas(spec)) {
			pl.start(svc, idle, spec, "it holds this release already: "+cause)
		} else if waits && !tested && b.Waiting() != idle {
			pl.mark(svc, idle, live.Spec, cluster.WaitsSince(route), "it holds this release already, which waits for a promote: "+cause)
		}
	default:
		if live != nil {
			pl.add(Step{Do: StopColor, Name: spec.Name, Service: svc.Name, Color: idle, Settings: svc.BlueGreen,
				Cause: fmt.Sprintf("release %d makes room for release %d", cluster.ReleaseOf(live.Spec), cluster.ReleaseOf(spec))})
		}
		pl.start(svc, idle, spec, cause)
	}
	if err := pl.proxies(svc, b, route, releases); err != nil {
		return err
	}
	pl.checkPorts(svc, idle, Look{Ports: svc.BlueGreen.Ports, Proxies: &b.Proxy.Spec}, releases[active].Ports)
	tests, err := pl.tests(svc, idle, cluster.ReleaseOf(spec), true)
	if err != nil {
		return err
	}
	if passed := waits && b.Waiting() == idle && !pl.has(svc.Name, StartColor) && hasPassed(live, tests); tested && !passed {
		pl.steps = append(pl.steps, tests...)
		if waits {
			pl.mark(svc, idle, spec, cluster.WaitsSince(route), fmt.Sprintf("release %d has passed its tests and waits for a promote: %s", cluster.ReleaseOf(spec), cause))
		}
	}
	verify, err := pl.verifications(svc, idle, cluster.ReleaseOf(spec))
	if err != nil {
		return err
	}
	if waits {
		pl.waiting = append(pl.waiting, Waiting{Service: svc.Name, Color: idle, Release: cluster.ReleaseOf(spec), Preview: svc.BlueGreen.Preview,
			Canary: svc.BlueGreen.Canary, Guard: svc.BlueGreen.Guard, Share: route.Share, Steps: pl.goesOn(svc) && !pl.opts.NoFlip, After: svc.BlueGreen.PromoteAfter, Verify: verify})
		return nil
	}
	flip := flipTo(b, route, idle, cause)
	flip.Service, flip.Settings = svc.Name, svc.BlueGreen
	flip.Guarded = svc.BlueGreen.Guard != nil && cluster.ReleaseOf(spec) > cluster.ReleaseOf(b.Colors[active].Spec)
	pl.add(flip)
	pl.steps = append(pl.steps, verify...)
	if !flip.Guarded {
		pl.retire(svc, active, "it is idle after the flip")
		return nil
	}
	pl.waiting = append(pl.waiting, Waiting{Service: svc.Name, Color: idle, Release: cluster.ReleaseOf(spec), Guard: svc.BlueGreen.Guard, Bakes: true})
	return nil
}

// leaveIdle plans that the idle color has no share any more, and that no guard may go back to it,
// before it gets a release; same says that it holds that one already. It returns the route then.
func (pl *planner) leaveIdle(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route, same bool) (haproxy.Route, error) {
	switch {
	case route.Share > 0 && (!same || svc.BlueGreen.Canary == nil):
		return pl.takeShare(svc, b, route), nil
	case route.Share > 0 || same || !route.Guard.On:
		return route, nil
	case pl.opts.SkipBake || pl.opts.Baked[svc.Name]:
		return pl.endGuard(svc, b, route), nil
	}
	settings, err := b.Settings()
	if err != nil || settings.Guard == nil {
		settings.Guard = &bluegreen.Guard{} // what nobody knows is not waited for
	}
	active := cluster.Color(route.Color)
	return route, &BakingError{Service: svc.Name, Color: active, Release: cluster.ReleaseOf(b.Colors[active].Spec), Route: route, Bake: settings.Guard.Bake}
}

// waits says whether a new release that is ready waits for its traffic.
func (pl *planner) waits(svc compose.Service) bool {
	return pl.opts.NoFlip || svc.BlueGreen.Promote == bluegreen.PromoteManual || pl.goesOn(svc)
}

// goesOn says whether an up goes on when a new release is ready: through steps, or after a time.
func (pl *planner) goesOn(svc compose.Service) bool {
	c := svc.BlueGreen.Canary
	return svc.BlueGreen.PromoteAfter > 0 || c != nil && len(c.Steps) > 0
}

// BakingError says that a release is still watched whose way back a new release would take.
type BakingError struct {
	Service string
	Color   cluster.Color
	Release int
	Route   haproxy.Route
	// Bake is how long it is watched in all.
	Bake time.Duration
}

func (e *BakingError) Error() string {
	return fmt.Sprintf("service %s: the proxies still watch release %d: wait for its guard, or end it with --skip-bake", e.Service, e.Release)
}

// takeShare plans that all traffic goes to the active color again, and returns the route then.
func (pl *planner) takeShare(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route) haproxy.Route {
	return pl.reroute(svc, shared(b, route, 0))
}

// endGuard plans that no proxy watches any more, and returns the route then.
func (pl *planner) endGuard(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route) haproxy.Route {
	return pl.reroute(svc, unguarded(b, route))
}

func (pl *planner) reroute(svc compose.Service, step Step) haproxy.Route {
	step.Settings = svc.BlueGreen
	pl.add(step)
	return step.To
}

// OrOne is a number of replicas, 1 where there is none.
func OrOne(n *uint64) *uint64 {
	if n == nil {
		return new(uint64(1))
	}
	return n
}

func (pl *planner) start(svc compose.Service, c cluster.Color, spec api.ServiceSpec, cause string) {
	pl.add(Step{Do: StartColor, Name: spec.Name, Service: svc.Name, Color: c, Spec: &spec, Release: cluster.ReleaseOf(spec),
		Settings: svc.BlueGreen, Image: svc.Spec.Labels[cluster.LabelImage], Cause: fmt.Sprintf("release %d: %s", cluster.ReleaseOf(spec), cause)})
}

func (pl *planner) retire(svc compose.Service, c cluster.Color, cause string) {
	pl.add(Step{Do: Retire, Name: cluster.ColorName(pl.project.Name, svc.Name, c), Service: svc.Name, Color: c, Settings: svc.BlueGreen,
		Cause: fmt.Sprintf("%s, keep: %s", cause, svc.BlueGreen.Keep)})
}

// mark plans the label of an idle color that says since when its release waits for a promote; empty
// for one that waits no more.
func (pl *planner) mark(svc compose.Service, c cluster.Color, spec api.ServiceSpec, since, cause string) {
	step := marked(spec, c, since, cause)
	step.Service, step.Settings = svc.Name, svc.BlueGreen
	pl.add(step)
}

// marked is the step that writes this label, and no more: it leaves the spec as it is.
func marked(spec api.ServiceSpec, c cluster.Color, since, cause string) Step {
	spec = cluster.Clone(spec)
	cluster.SetLabels(&spec, map[string]string{cluster.LabelWaiting: since, cluster.LabelWithdrawn: ""})
	return Step{Do: MarkColor, Name: spec.Name, Color: c, Spec: &spec, Cause: cause}
}

// inPlace plans what may change in the active color while it serves: its number of replicas and its
// labels.
func (pl *planner) inPlace(svc compose.Service, c cluster.Color, spec api.ServiceSpec, live *api.Service) {
	var causes []string
	if want, have := cluster.Replicas(spec), cluster.Replicas(live.Spec); want != nil && *want != *have {
		causes = append(causes, fmt.Sprintf("replicas %d → %d", *have, *want))
	}
	if spec.Labels[cluster.LabelPorts] != live.Spec.Labels[cluster.LabelPorts] {
		causes = append(causes, "ports or health changed")
	}
	if len(causes) == 0 && spec.Labels[cluster.LabelReplicas] != live.Spec.Labels[cluster.LabelReplicas] {
		causes = append(causes, "the file's number of replicas changed")
	}
	step := Step{Do: ChangeColor, Name: spec.Name, Service: svc.Name, Color: c, Spec: &spec, Settings: svc.BlueGreen, Revives: cluster.IsStopped(live.Spec),
		Image: svc.Spec.Labels[cluster.LabelImage], Cause: strings.Join(causes, ", ")}
	switch {
	case len(causes) > 0:
		pl.add(step)
	case short(*live):
		step.Do, step.Cause = Await, fmt.Sprintf("%d of %d tasks run", live.ServiceStatus.RunningTasks, live.ServiceStatus.DesiredTasks)
		pl.add(step)
	}
}
