package swarm

import (
	"fmt"
	"strconv"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// blueGreen plans a blue-green service. b is what the swarm holds of it, nil for nothing.
func (pl *planner) blueGreen(svc compose.Service, b *BlueGreen) error {
	if err := pl.colorNames(svc); err != nil {
		return err
	}
	if b == nil {
		b = &BlueGreen{Name: svc.Name, Colors: map[Color]*api.Service{}, Saved: map[Color]*api.ServiceSpec{}}
	}
	if b.Proxy == nil {
		return pl.first(svc, b)
	}
	route, err := b.route()
	if err != nil {
		return err
	}
	if b.Colors[Color(route.Color)] == nil {
		return pl.revive(svc, b, route)
	}
	return pl.following(svc, b, route)
}

func (pl *planner) colorNames(svc compose.Service) error {
	for _, c := range Colors {
		if name := colorName(pl.project.Name, svc.Name, c); pl.seen.foreign(name) {
			return fmt.Errorf("service %s: a swarm service %s exists that is not of stack %s, and the color %s needs that name: give the service "+
				"another name in the file, or the stack with -p", svc.Name, name, pl.project.Name, c)
		}
	}
	return nil
}

// first plans a service without proxies: one color, then the proxies with that color active. Nothing takes
// traffic through proxies yet; but colors may be there, from an up that was ended or when the proxies were removed.
func (pl *planner) first(svc compose.Service, b *BlueGreen) error {
	color := pl.firstColor(svc, b)
	route := haproxy.Route{Sequence: b.lastServed() + 1, Color: string(color)}
	spec, err := pl.colorSpec(svc, color, b.lastRelease()+1, b.Colors[color])
	if err != nil {
		return err
	}
	live := b.Colors[color]
	if live != nil && pl.sameRelease(spec, live.Spec) {
		spec.Labels[LabelRelease] = live.Spec.Labels[LabelRelease]
		if isStopped(live.Spec) || short(*live) {
			pl.start(svc, color, spec, "its tasks do not run")
		}
	} else {
		cause := "first release"
		if live != nil {
			cause = pl.taskCause(spec, live.Spec)
			pl.add(Step{Do: StopColor, Name: spec.Name, Service: svc.Name, Color: color, Settings: svc.BlueGreen,
				Cause: fmt.Sprintf("it makes room for release %d", release(spec))})
		}
		pl.start(svc, color, spec, cause)
	}
	return pl.proxies(svc, b, route, map[Color]compose.Release{color: svc.BlueGreen.Release})
}

// firstColor is the color that will be active first: one that holds what the file says, else one that never
// served, so that the way back to the other survives.
func (pl *planner) firstColor(svc compose.Service, b *BlueGreen) Color {
	served := None
	var last uint64
	for _, c := range Colors {
		live := b.Colors[c]
		if live == nil {
			continue
		}
		if spec, err := pl.colorSpec(svc, c, 0, live); err == nil && pl.sameRelease(spec, live.Spec) {
			return c
		}
		if n := servedBy(live.Spec); n > last {
			served, last = c, n
		}
	}
	switch {
	case served != None:
		return served.Other()
	case b.Colors[Blue] == nil && b.Colors[Green] != nil:
		return Green
	}
	return Blue
}

func servedBy(spec api.ServiceSpec) uint64 {
	n, _ := strconv.ParseUint(spec.Labels[LabelServed], 10, 64) // never is 0
	return n
}

func (b *BlueGreen) lastServed() uint64 {
	var last uint64
	for _, c := range b.Colors {
		last = max(last, servedBy(c.Spec))
	}
	return last
}

// following plans a service whose proxies run: what changed decides what happens.
func (pl *planner) following(svc compose.Service, b *BlueGreen, route haproxy.Route) error {
	active := Color(route.Color)
	idle, live := active.Other(), b.Colors[active]
	spec, err := pl.colorSpec(svc, active, release(live.Spec), live)
	if err != nil {
		return err
	}
	releases := map[Color]compose.Release{}
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
	if other := b.Colors[idle]; other != nil && svc.BlueGreen.Keep == compose.KeepCold && !isStopped(other.Spec) && servedBy(other.Spec) > 0 {
		pl.retire(svc, idle, "keep is cold")
	}
	return nil
}

// revive plans the return of an active color that was removed by hand: nothing answers until it is back.
func (pl *planner) revive(svc compose.Service, b *BlueGreen, route haproxy.Route) error {
	active := Color(route.Color)
	spec, err := pl.colorSpec(svc, active, b.lastRelease()+1, b.Colors[active.Other()])
	if err != nil {
		return err
	}
	pl.start(svc, active, spec, "the active color was removed by hand")
	releases := map[Color]compose.Release{active: svc.BlueGreen.Release}
	if r, ok := pl.portsOf(b.Colors[active.Other()]); ok {
		releases[active.Other()] = r
	}
	return pl.proxies(svc, b, route, releases)
}

// newRelease plans the idle color's new release and the flip to it.
func (pl *planner) newRelease(svc compose.Service, b *BlueGreen, route haproxy.Route, releases map[Color]compose.Release, cause string) error {
	active := Color(route.Color)
	idle := active.Other()
	if r, ok := pl.portsOf(b.Colors[active]); ok {
		releases[active] = r
	}
	releases[idle] = svc.BlueGreen.Release
	spec, err := pl.colorSpec(svc, idle, b.lastRelease()+1, b.Colors[active])
	if err != nil {
		return err
	}
	live := b.Colors[idle]
	switch {
	case live != nil && pl.sameRelease(spec, live.Spec):
		setLabels(&spec, map[string]string{LabelRelease: live.Spec.Labels[LabelRelease], LabelServed: live.Spec.Labels[LabelServed]})
		if isStopped(live.Spec) || short(*live) || *orOne(replicas(live.Spec)) < *orOne(replicas(spec)) {
			pl.start(svc, idle, spec, "it holds this release already: "+cause)
		}
	default:
		if live != nil {
			pl.add(Step{Do: StopColor, Name: spec.Name, Service: svc.Name, Color: idle, Settings: svc.BlueGreen,
				Cause: fmt.Sprintf("release %d makes room for release %d", release(live.Spec), release(spec))})
		}
		pl.start(svc, idle, spec, cause)
	}
	if err := pl.proxies(svc, b, route, releases); err != nil {
		return err
	}
	pl.checkPorts(svc, idle, Look{Ports: svc.BlueGreen.Ports, Proxies: &b.Proxy.Spec}, releases[active].Ports)
	if pl.opts.NoFlip {
		return nil
	}
	pl.add(Step{Do: Flip, Name: scoped(pl.project.Name, svc.Name), Service: svc.Name, Color: idle, Settings: svc.BlueGreen,
		Cause: cause, From: route, To: haproxy.Route{Sequence: route.Sequence + 1, Color: string(idle)}})
	pl.retire(svc, active, "it is idle after the flip")
	return nil
}

func orOne(n *uint64) *uint64 {
	if n == nil {
		return new(uint64(1))
	}
	return n
}

func (pl *planner) start(svc compose.Service, c Color, spec api.ServiceSpec, cause string) {
	pl.add(Step{Do: StartColor, Name: spec.Name, Service: svc.Name, Color: c, Spec: &spec, Release: release(spec),
		Settings: svc.BlueGreen, Image: svc.Spec.Labels[LabelImage], Cause: fmt.Sprintf("release %d: %s", release(spec), cause)})
}

func (pl *planner) retire(svc compose.Service, c Color, cause string) {
	pl.add(Step{Do: Retire, Name: colorName(pl.project.Name, svc.Name, c), Service: svc.Name, Color: c, Settings: svc.BlueGreen,
		Cause: fmt.Sprintf("%s, keep: %s", cause, svc.BlueGreen.Keep)})
}

// inPlace plans what may change in the active color while it serves: its number of replicas and its labels.
func (pl *planner) inPlace(svc compose.Service, c Color, spec api.ServiceSpec, live *api.Service) {
	var causes []string
	if want, have := replicas(spec), replicas(live.Spec); want != nil && *want != *have {
		causes = append(causes, fmt.Sprintf("replicas %d → %d", *have, *want))
	}
	if spec.Labels[LabelPorts] != live.Spec.Labels[LabelPorts] {
		causes = append(causes, "ports or health changed")
	}
	if len(causes) == 0 && spec.Labels[LabelReplicas] != live.Spec.Labels[LabelReplicas] {
		causes = append(causes, "the file's number of replicas changed")
	}
	step := Step{Do: ChangeColor, Name: spec.Name, Service: svc.Name, Color: c, Spec: &spec, Settings: svc.BlueGreen,
		Image: svc.Spec.Labels[LabelImage], Cause: strings.Join(causes, ", ")}
	switch {
	case len(causes) > 0:
		pl.add(step)
	case short(*live):
		step.Do, step.Cause = Await, fmt.Sprintf("%d of %d tasks run", live.ServiceStatus.RunningTasks, live.ServiceStatus.DesiredTasks)
		pl.add(step)
	}
}
