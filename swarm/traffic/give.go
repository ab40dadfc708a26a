package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// readyTime is how long the proxies may take to see a color ready whose tasks run.
const readyTime = 10 * time.Second

// ErrNotReady says that some proxy does not see a color ready: nothing was told, traffic is where
// it was.
var ErrNotReady = errors.New("not ready in every proxy")

// errDoubt says that an order was ended from outside, and may have been given.
var errDoubt = errors.New("the proxies changed meanwhile")

// ErrNoProxy says that no proxy of a service can be asked.
var ErrNoProxy = errors.New("none of its proxies runs")

// give tells the proxies the new routes once each sees the new color ready, and returns which tasks
// confirmed. While proxies come and go, the order is given anew to those that are there.
func (sw *Switch) give(ctx context.Context, rec *cluster.Record, moves []Move) (Heard, error) {
	var doubt error // an order that was ended from outside may have been given
	for end := time.Now().Add(2 * readyTime); ; {
		proxies, report, err := sw.giveOnce(ctx, rec, moves)
		switch {
		case errors.Is(err, cluster.ErrTasksChanged), errors.Is(err, ErrNoProxy):
			if errors.Is(err, cluster.ErrTasksChanged) {
				doubt = errDoubt
			}
			if time.Now().After(end) || !sw.Pause(ctx) {
				return nil, errors.Join(err, doubt)
			}
		case err != nil:
			return nil, err
		case !report.Met && forced(moves):
			sw.Warn("", "flip", "rolling back anyway: %s", report.Unmet())
			for i := range moves {
				moves[i].Ready = nil
			}
		case !report.Met:
			return nil, errors.Join(fmt.Errorf("%w: %s", ErrNotReady, report.Unmet()), doubt)
		case !Outrun(moves, report):
			return Heard{}.Add(moves, proxies, report), nil
		default:
			// Some proxy knows a later route than the label, as after a rollback of the service by
			// hand.
			for i := range moves {
				if err := sw.raiseIntent(ctx, &moves[i]); err != nil {
					return nil, err
				}
			}
		}
	}
}

// giveOnce gives one order to the proxies that are there. The error is ErrTasksChanged when they
// changed meanwhile.
func (sw *Switch) giveOnce(ctx context.Context, rec *cluster.Record, moves []Move) ([]cluster.ProxyTask, *Answer, error) {
	proxies, err := sw.Askable(ctx, rec, moves)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { sw.WatchProxies(ctx, rec, moves, proxies, cancel) })
	report, err := sw.Order(ctx, rec, proxies, moveOrder(moves), func(unmet string) { sw.Working("", "flip", "%s", unmet) })
	return proxies, report, err
}

// WatchProxies cancels when the proxies that can be asked are not the given ones any more.
func (sw *Switch) WatchProxies(ctx context.Context, rec *cluster.Record, moves []Move, proxies []cluster.ProxyTask, cancel context.CancelCauseFunc) {
	for sw.Rest(ctx) {
		now, err := sw.askable(ctx, sw.Next(), rec, moves)
		if err != nil && !errors.Is(err, ErrNoProxy) {
			continue // a manager that does not answer now may do so at the next look
		}
		if !slices.Equal(cluster.ProxyAddresses(now), cluster.ProxyAddresses(proxies)) {
			cancel(cluster.ErrTasksChanged)
			return
		}
	}
}

func forced(moves []Move) bool {
	return slices.ContainsFunc(moves, func(m Move) bool { return m.Force && m.Ready != nil })
}

// Askable lists the proxies that can be asked; each service must have one.
func (sw *Switch) Askable(ctx context.Context, rec *cluster.Record, moves []Move) ([]cluster.ProxyTask, error) {
	return sw.askable(ctx, sw.Now(), rec, moves)
}

func (sw *Switch) askable(ctx context.Context, look cluster.Look, rec *cluster.Record, moves []Move) ([]cluster.ProxyTask, error) {
	all, err := sw.ProxyTasks(ctx, look, rec, services(moves))
	if err != nil {
		return nil, err
	}
	up := slices.DeleteFunc(all, func(p cluster.ProxyTask) bool { return !p.Askable() })
	for _, m := range moves {
		if !slices.ContainsFunc(up, func(p cluster.ProxyTask) bool { return p.Service == m.Service.Name }) {
			return nil, fmt.Errorf("service %s: %w: see `docker service ps %s`", m.Service.Name, ErrNoProxy, m.Service.Proxy.Spec.Name)
		}
	}
	return up, nil
}

func moveOrder(moves []Move) haproxy.Order {
	ord := haproxy.Order{Wait: readyTime, Routes: map[string]haproxy.Route{}}
	for _, m := range moves {
		ord.Routes[m.Service.Name] = m.To
		if m.Ready != nil {
			ord.Until = append(ord.Until, haproxy.Condition{Service: m.Service.Name, Color: m.To.Color, Want: haproxy.Ready, Addrs: m.Ready})
		}
	}
	return ord
}

// Outrun raises the routes of the moves above any that a proxy answered with, and says whether it
// had to.
func Outrun(moves []Move, report *Answer) bool {
	raised := false
	for i := range moves {
		for _, p := range report.Proxies {
			if p.Service == moves[i].Service.Name && p.Route.Sequence > moves[i].To.Sequence {
				moves[i].To.Sequence = p.Route.Sequence + 1
				raised = true
			}
		}
	}
	return raised
}
