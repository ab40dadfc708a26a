package execute

import (
	"context"
	"fmt"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// stopTime is how long a color's tasks may take to end, beside their own grace period.
const stopTime = 60 * time.Second

// emptyTime is how long the proxies may take to forget tasks that have ended.
const emptyTime = 30 * time.Second

// stopColor brings the idle color to no task at all, out of every proxy: then nothing of the old
// release can be taken for the new one. First every proxy confirms that it does not send there.
func (r *run) stopColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if b.Proxy != nil {
		if err := r.leave(ctx, b, s); err != nil {
			return err
		}
	}
	r.touch(s)
	if err := r.Save(ctx, r.known, b, s.Color); err != nil {
		return err
	}
	return r.halt(ctx, r.known, b, s.Color, "color "+string(s.Color))
}

// halt scales a color to nothing and waits until its tasks have ended and no proxy knows any of
// them.
func (ex *Executor) halt(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color, step string) error {
	svc, err := ex.Rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
		*spec = cluster.Stopped(*spec)
		return nil
	})
	if err != nil {
		return err
	}
	b.Colors[c] = svc
	ex.Working(b.Name, step, "stopping release %d", cluster.ReleaseOf(svc.Spec))
	grace := stopTime
	if g := svc.Spec.TaskTemplate.ContainerSpec.StopGracePeriod; g != nil {
		grace += *g
	}
	if err := ex.AwaitEnded(ctx, rec, svc, grace); err != nil {
		return err
	}
	if b.Proxy == nil {
		return nil
	}
	return ex.awaitGone(ctx, rec, b, c)
}

// awaitGone waits until no proxy has an address of the color.
func (ex *Executor) awaitGone(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color) error {
	route, err := b.Route()
	if err != nil {
		return err
	}
	proxies, err := ex.Askable(ctx, rec, []traffic.Move{{Service: b, From: route, To: route}})
	if err != nil {
		return err
	}
	report, err := ex.Order(ctx, rec, proxies, haproxy.Order{Wait: emptyTime,
		Until: []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Empty}}}, nil)
	if err != nil {
		return err
	}
	if !report.Met {
		return fmt.Errorf("service %s: the proxies still know tasks of %s after %s: %s", b.Name, c, emptyTime, report.Unmet())
	}
	return nil
}
