package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// stopTime is how long a color's tasks may take to end, beside their own grace period.
const stopTime = 60 * time.Second

const (
	// emptyTime is how long the same proxies may take to forget tasks that have ended: Docker tells
	// all nodes that an address is gone at once, and again every 30 s where that was lost.
	emptyTime = time.Minute
	// emptyMost is how long that may take in all, while proxies come and go.
	emptyMost = 5 * time.Minute
)

// stopColor brings the idle color to no task at all, out of every proxy: then nothing of the old
// release can be taken for the new one. First every proxy confirms that it does not send there.
func (r *run) stopColor(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	var idle clearance
	var err error
	if b.Proxy == nil {
		idle, err = r.clear(ctx, r.known, b, s.Color)
	} else {
		idle, err = r.rest(ctx, r.known, b, s.Color, s.Settings.Drain)
	}
	if err != nil {
		return err
	}
	r.touch(s)
	if err := r.Save(ctx, r.known, b, s.Color); err != nil {
		return err
	}
	if err := r.halt(ctx, r.known, idle, "color "+string(s.Color)); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.emptied[s.Name] = idle
	return nil
}

// halt scales a color to nothing and waits until its tasks have ended and no proxy knows any of
// them.
func (ex *Executor) halt(ctx context.Context, rec *cluster.Record, idle clearance, step string) error {
	if err := ex.stop(ctx, idle); err != nil {
		return err
	}
	b, c, svc := idle.b, idle.c, idle.service()
	ex.Working(b.Name, step, "stopping release %d", cluster.ReleaseOf(svc.Spec))
	if err := ex.AwaitEnded(ctx, rec, svc, stopTime+cluster.Grace(svc.Spec)); err != nil {
		return err
	}
	if b.Proxy == nil {
		return nil
	}
	return ex.awaitGone(ctx, rec, b, c)
}

// awaitGone waits until no proxy has an address of the color. While proxies come and go, those are
// asked that are there.
func (ex *Executor) awaitGone(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color) error {
	for end := time.Now().Add(emptyMost); ; {
		report, err := ex.goneOnce(ctx, rec, b, c)
		changed := errors.Is(err, traffic.ErrNoProxy) || errors.Is(err, cluster.ErrTasksChanged)
		switch {
		case changed && time.Now().Before(end) && ex.Pause(ctx):
		case errors.Is(err, cluster.ErrTasksChanged) && ctx.Err() == nil:
			return fmt.Errorf("service %s: its proxies came and went for %s, so not all said that %s is empty: see `docker service ps %s`, and run the command again",
				b.Name, emptyMost, c, b.Proxy.Spec.Name)
		case err != nil:
			return err
		case report.Met:
			return nil
		default:
			return fmt.Errorf("service %s: the proxies still know tasks of %s after %s: %s", b.Name, c, emptyTime, report.Unmet())
		}
	}
}

// goneOnce asks the proxies whether they know tasks of the color, until none does or the proxies
// change.
func (ex *Executor) goneOnce(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color) (*traffic.Answer, error) {
	stays, err := traffic.Standing(b)
	if err != nil {
		return nil, err
	}
	return ex.OrderHere(ctx, rec, []traffic.Move{stays}, haproxy.Order{Wait: emptyTime,
		Until: []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Empty}}}, nil)
}
