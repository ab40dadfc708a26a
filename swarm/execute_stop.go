package swarm

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	api "github.com/docker/docker/api/types/swarm"
)

// stopTime is how long a color's tasks may take to end, beside their own grace period.
const stopTime = 60 * time.Second

// emptyTime is how long the proxies may take to forget tasks that have ended.
const emptyTime = 30 * time.Second

// stopColor brings the idle color to no task at all, out of every proxy: then nothing of the old release can be
// taken for the new one. First every proxy confirms that it does not send there.
func (r *run) stopColor(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	if b.Proxy != nil {
		if err := r.leave(ctx, b, s); err != nil {
			return err
		}
	}
	r.touch(s)
	if err := r.save(ctx, r.seen, b, s.Color); err != nil {
		return err
	}
	return r.halt(ctx, r.seen, b, s.Color, "color "+string(s.Color))
}

// leave sees that every proxy follows the route that is written down, and that the color is at rest.
func (r *run) leave(ctx context.Context, b *BlueGreen, s Step) error {
	route, err := b.route()
	if err != nil {
		return err
	}
	if Color(route.Color) == s.Color {
		return fmt.Errorf("service %s: %s became active meanwhile: run the command again", b.Name, s.Color)
	}
	return r.rest(ctx, r.seen, b, s.Color, route, s.Settings.Drain)
}

// rest waits until no request is in flight on a color in any proxy, for drain at most; then what is left is closed.
// Every proxy confirms the route on the way: else errDrift, or an *UnconfirmedError.
func (o *Executor) rest(ctx context.Context, s *Observed, b *BlueGreen, c Color, route haproxy.Route, drain time.Duration) error {
	moves := []move{{b: b, from: route, to: route}}
	proxies, err := o.askable(ctx, s, moves)
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
	report, err := o.order(ctx, s, proxies, ord, func(unmet string) { o.working(b.Name, step, "%s", unmet) })
	if err != nil {
		return err
	}
	if outrun(slices.Clone(moves), report) {
		return errDrift
	}
	if !report.Met {
		o.warn(b.Name, step, "not at rest after %s: %s", drain, report.Unmet())
	}
	return o.confirm(ctx, s, moves, heard{}.add(moves, proxies, report))
}

// halt scales a color to nothing and waits until its tasks have ended and no proxy knows any of them.
func (o *Executor) halt(ctx context.Context, s *Observed, b *BlueGreen, c Color, step string) error {
	svc, err := o.rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
		*spec = stopped(*spec)
		return nil
	})
	if err != nil {
		return err
	}
	b.Colors[c] = svc
	o.working(b.Name, step, "stopping release %d", release(svc.Spec))
	grace := stopTime
	if g := svc.Spec.TaskTemplate.ContainerSpec.StopGracePeriod; g != nil {
		grace += *g
	}
	if err := o.awaitEnded(ctx, s, svc, grace); err != nil {
		return err
	}
	if b.Proxy == nil {
		return nil
	}
	return o.awaitGone(ctx, s, b, c)
}

// awaitGone waits until no proxy has an address of the color.
func (o *Executor) awaitGone(ctx context.Context, s *Observed, b *BlueGreen, c Color) error {
	route, err := b.route()
	if err != nil {
		return err
	}
	proxies, err := o.askable(ctx, s, []move{{b: b, from: route, to: route}})
	if err != nil {
		return err
	}
	report, err := o.order(ctx, s, proxies, haproxy.Order{Wait: emptyTime,
		Until: []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Empty}}}, nil)
	if err != nil {
		return err
	}
	if !report.Met {
		return fmt.Errorf("service %s: the proxies still know tasks of %s after %s: %s", b.Name, c, emptyTime, report.Unmet())
	}
	return nil
}
