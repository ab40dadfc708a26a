package execute

import (
	"context"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// retire lets the old color come to rest and carries out what is to be kept of it.
func (r *run) retire(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if b.Colors[s.Color] == nil {
		return nil
	}
	route, err := b.Route()
	if err != nil {
		return err
	}
	if cluster.Color(route.Color) == s.Color {
		return fmt.Errorf("service %s: %s became active meanwhile: run the command again", b.Name, s.Color)
	}
	return r.retireColor(ctx, r.known, b, s.Color, *s.Settings)
}

// retireColor waits until nothing is in flight on the color that traffic has left, then keeps it
// warm or cold.
func (ex *Executor) retireColor(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color, settings bluegreen.Settings) error {
	route, err := b.Route()
	if err != nil {
		return err
	}
	ex.Working(b.Name, "drain "+string(c), "waiting for requests in flight")
	if err := ex.rest(ctx, rec, b, c, route, settings.Drain); err != nil {
		return err
	}
	if settings.Keep == bluegreen.KeepWarm {
		ex.Done(b.Name, "drain "+string(c), "drained, kept warm")
		return nil
	}
	svc, err := ex.Rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
		*spec = cluster.Stopped(*spec)
		return nil
	})
	if err == nil {
		b.Colors[c] = svc
		ex.Done(b.Name, "drain "+string(c), "drained, kept cold: scaled to 0")
	}
	return err
}

// leave sees that every proxy follows the route that is written down, and that the color is at
// rest.
func (r *run) leave(ctx context.Context, b *cluster.BlueGreen, s plan.Step) error {
	route, err := b.Route()
	if err != nil {
		return err
	}
	if cluster.Color(route.Color) == s.Color {
		return fmt.Errorf("service %s: %s became active meanwhile: run the command again", b.Name, s.Color)
	}
	return r.rest(ctx, r.known, b, s.Color, route, s.Settings.Drain)
}

// rest waits until no request is in flight on a color in any proxy, for drain at most; then what is
// left is closed. Every proxy confirms the route on the way: else ErrDrift, or an
// *UnconfirmedError.
func (ex *Executor) rest(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color, route haproxy.Route, drain time.Duration) error {
	moves := []traffic.Move{{Service: b, From: route, To: route}}
	proxies, err := ex.Askable(ctx, rec, moves)
	if err != nil {
		return err
	}
	ord := haproxy.Order{
		Wait:   drain,
		Routes: map[string]haproxy.Route{b.Name: route},
		Until:  []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Idle}},
		Close:  []haproxy.Closing{{Service: b.Name, Color: string(c)}},
	}
	step := "drain " + string(c)
	report, err := ex.Order(ctx, rec, proxies, ord, func(unmet string) { ex.Working(b.Name, step, "%s", unmet) })
	if err != nil {
		return err
	}
	if traffic.Outrun(slices.Clone(moves), report) {
		return traffic.ErrDrift
	}
	if !report.Met {
		ex.Warn(b.Name, step, "not drained after %s: %s", drain, report.Unmet())
	}
	return ex.Confirm(ctx, rec, moves, traffic.Heard{}.Add(moves, proxies, report))
}
