package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// clearance says that no proxy sends to a color: all of them have said so themselves, or there is
// none any more. Only this file gives one, and only with one can a color be stopped, changed or
// removed (TestOnlyTheGateStopsColors). It is used at once: later another route may hold.
type clearance struct {
	b *cluster.BlueGreen
	c cluster.Color
}

func (p clearance) service() *api.Service { return p.b.Colors[p.c] }

// clear asks all proxies where they send, and gives a clearance for a color to which none does. In
// doubt the color runs on: the error is an *UnconfirmedError that names the proxies,
// traffic.ErrDrift, or says that the color is active.
func (ex *Executor) clear(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color) (clearance, error) {
	if err := ex.awaitLeft(ctx, rec, b); err != nil {
		return clearance{}, err
	}
	if b.Proxy == nil {
		return clearance{b, c}, nil
	}
	stays, err := standingBeside(b, c)
	if err != nil {
		return clearance{}, err
	}
	if err := ex.confirmed(ctx, rec, []traffic.Move{stays}, nil); err != nil {
		return clearance{}, err
	}
	return clearance{b, c}, nil
}

// standingBeside is traffic.Standing, unless this color gets traffic.
func standingBeside(b *cluster.BlueGreen, c cluster.Color) (traffic.Move, error) {
	m, err := traffic.Standing(b)
	switch {
	case err != nil:
	case cluster.Color(m.To.Color) == c:
		err = fmt.Errorf("service %s: %s became active meanwhile: run the command again", b.Name, c)
	case m.To.Back() == string(c):
		err = fmt.Errorf("service %s: its proxies may still take the traffic back to %s: wait for the guard with `docker bluegreen wait %s`, or run up with --skip-bake",
			b.Name, c, b.Name)
	case m.To.Gets(string(c)):
		err = fmt.Errorf("service %s: %s gets %d %% of the traffic: run `docker bluegreen promote %s`, or `rollback %s` to take it back",
			b.Name, c, m.To.Share, b.Name, b.Name)
	}
	return m, err
}

// rest waits until no request is in flight on a color in any proxy, for drain at most; then what is
// left is closed. Every proxy confirms the route on the way, which clears the color: the errors are
// those of clear.
func (ex *Executor) rest(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color, drain time.Duration) (clearance, error) {
	stays, err := standingBeside(b, c)
	if err != nil {
		return clearance{}, err
	}
	moves := []traffic.Move{stays}
	proxies, err := ex.Askable(ctx, rec, moves)
	if err != nil {
		return clearance{}, err
	}
	ord := haproxy.Order{
		Wait:   drain,
		Routes: map[string]haproxy.Route{b.Name: stays.To},
		Until:  []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Idle}},
		Close:  []haproxy.Closing{{Service: b.Name, Color: string(c)}},
	}
	step := "drain " + string(c)
	report, err := ex.Order(ctx, rec, proxies, ord, func(unmet string) { ex.Working(b.Name, step, "%s", unmet) })
	if err != nil {
		return clearance{}, err
	}
	if traffic.Outrun(slices.Clone(moves), report) {
		return clearance{}, traffic.ErrDrift
	}
	if !report.Met {
		ex.Warn(b.Name, step, "not drained after %s: %s", drain, report.Unmet())
	}
	if err := ex.awaitLeft(ctx, rec, b); err != nil {
		return clearance{}, err
	}
	if err := ex.confirmed(ctx, rec, moves, traffic.Heard{}.Add(moves, proxies, report)); err != nil {
		return clearance{}, err
	}
	return clearance{b, c}, nil
}

// confirmed is Confirm for a color that is left: it is enough that all proxies have the route, and
// those that start will. None may be healthy, as when the active color was scaled to 0 by hand:
// this command may be the one that brings tasks to send to.
func (ex *Executor) confirmed(ctx context.Context, rec *cluster.Record, moves []traffic.Move, heard traffic.Heard) error {
	err := ex.Confirm(ctx, rec, moves, heard)
	var late *cluster.UnconfirmedError
	if errors.As(err, &late) && late.Unhealthy {
		return nil
	}
	return err
}

// awaitLeft waits until the proxies of a proxy service that was removed have ended: they may send
// to either color, and nobody tells them more, also when there is another proxy service by now. One
// on a node that does not answer may still do so.
func (ex *Executor) awaitLeft(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen) error {
	for look := ex.Now(); ; look = ex.Next() {
		left, err := ex.LeftProxies(ctx, look, rec, b)
		if err != nil || len(left) == 0 {
			return err
		}
		if slices.ContainsFunc(left, func(p cluster.ProxyTask) bool { return !p.Down }) {
			continue
		}
		e := &cluster.UnconfirmedError{Service: b.Name,
			After: "the colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again"}
		for _, p := range left {
			e.Proxies = append(e.Proxies, p.String())
		}
		return e
	}
}

// clearOfDown is clear for a stack that goes down as a whole, proxies first: what the user ends is
// not waited for where nobody answers.
func (r *run) clearOfDown(ctx context.Context, b *cluster.BlueGreen, c cluster.Color) (clearance, error) {
	_, err, _ := r.proxiesEnd.Do("", func() (any, error) {
		var proxies []api.Service
		for _, b := range r.known.Snapshot().BlueGreen {
			if b.Proxy != nil {
				proxies = append(proxies, *b.Proxy)
			}
		}
		if len(proxies) == 0 {
			return nil, nil
		}
		return nil, r.AwaitRemoved(ctx, r.known, proxies)
	})
	if err != nil {
		return clearance{}, err
	}
	return clearance{b, c}, nil
}

// stop scales a color to no task.
func (ex *Executor) stop(ctx context.Context, p clearance) error {
	return ex.replace(ctx, p, func(spec *api.ServiceSpec) { *spec = cluster.Stopped(*spec) })
}

// replace changes a color, whatever of its tasks that ends.
func (ex *Executor) replace(ctx context.Context, p clearance, change func(*api.ServiceSpec)) error {
	svc, err := ex.Rewrite(ctx, p.service(), func(spec *api.ServiceSpec) error { change(spec); return nil })
	if err == nil {
		p.b.Colors[p.c] = svc
	}
	return err
}

// discard removes the service of a color; its tasks end later.
func (ex *Executor) discard(ctx context.Context, p clearance) error {
	svc := p.service()
	if err := ex.Engine.ServiceRemove(ctx, svc.ID); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("remove service %s: %w", svc.Spec.Name, err)
	}
	return nil
}

// extend changes a color so that no task of it ends: more of them start, or labels change.
func (ex *Executor) extend(ctx context.Context, b *cluster.BlueGreen, c cluster.Color, change func(*api.ServiceSpec)) error {
	svc, err := ex.Rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
		before := cluster.Clone(*spec)
		if change(spec); !extends(before, *spec) {
			return fmt.Errorf("service %s: somebody changed %s meanwhile: run the command again", b.Name, spec.Name)
		}
		return nil
	})
	if err == nil {
		b.Colors[c] = svc
	}
	return err
}

// extends says whether no task ends when a service changes from one spec to the next. Where there
// is no task to run, none ends.
func extends(before, next api.ServiceSpec) bool {
	if cluster.ModeOf(before) != cluster.ModeOf(next) {
		return false
	}
	if cluster.IsStopped(before) {
		return string(cluster.MustJSON(cluster.Started(before).TaskTemplate)) == string(cluster.MustJSON(next.TaskTemplate))
	}
	if n := cluster.Replicas(before); n != nil && *cluster.Replicas(next) < *n {
		return false
	}
	return string(cluster.MustJSON(before.TaskTemplate)) == string(cluster.MustJSON(next.TaskTemplate))
}
