package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	api "github.com/docker/docker/api/types/swarm"
)

// readyTime is how long the proxies may take to see a color ready whose tasks run.
const readyTime = 10 * time.Second

// errNotReady says that some proxy does not see a color ready: nothing was told, traffic is where it was.
var errNotReady = errors.New("not ready in every proxy")

// errDoubt says that an order was ended from outside, and may have been given.
var errDoubt = errors.New("the proxies changed meanwhile")

// errNoProxy says that no proxy of a service can be asked.
var errNoProxy = errors.New("no proxy of it runs")

// give tells the proxies the new routes once each sees the new color ready, and returns which tasks confirmed.
// While proxies come and go, the order is given anew to those that are there.
func (o *Switch) give(ctx context.Context, s *Observed, moves []move) (heard, error) {
	var doubt error // an order that was ended from outside may have been given
	for end := time.Now().Add(2 * readyTime); ; {
		proxies, report, err := o.giveOnce(ctx, s, moves)
		switch {
		case errors.Is(err, errTasksChanged), errors.Is(err, errNoProxy):
			if errors.Is(err, errTasksChanged) {
				doubt = errDoubt
			}
			if time.Now().After(end) || !o.pause(ctx) {
				return nil, errors.Join(err, doubt)
			}
		case err != nil:
			return nil, err
		case !report.Met && forced(moves):
			o.warn("", "flip", "going back all the same: %s", report.Unmet())
			for i := range moves {
				moves[i].ready = nil
			}
		case !report.Met:
			return nil, errors.Join(fmt.Errorf("%w: %s", errNotReady, report.Unmet()), doubt)
		case !outrun(moves, report):
			return heard{}.add(moves, proxies, report), nil
		default:
			// Some proxy knows a later route than the label, as after a rollback of the service by hand.
			for i := range moves {
				if err := o.raiseIntent(ctx, &moves[i]); err != nil {
					return nil, err
				}
			}
		}
	}
}

// giveOnce gives one order to the proxies that are there. The error is errTasksChanged when they changed meanwhile.
func (o *Switch) giveOnce(ctx context.Context, s *Observed, moves []move) ([]proxyTask, *answer, error) {
	proxies, err := o.askable(ctx, s, moves)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { o.watchProxies(ctx, s, moves, proxies, cancel) })
	report, err := o.order(ctx, s, proxies, moveOrder(moves), func(unmet string) { o.working("", "flip", "%s", unmet) })
	return proxies, report, err
}

// watchProxies cancels when the proxies that can be asked are not the given ones any more.
func (o *Switch) watchProxies(ctx context.Context, s *Observed, moves []move, proxies []proxyTask, cancel context.CancelCauseFunc) {
	for o.pause(ctx) {
		now, err := o.askable(ctx, s, moves)
		if err != nil && !errors.Is(err, errNoProxy) {
			continue // a manager that does not answer now may do so at the next look
		}
		if !slices.Equal(addrsOf(now), addrsOf(proxies)) {
			cancel(errTasksChanged)
			return
		}
	}
}

func forced(moves []move) bool {
	return slices.ContainsFunc(moves, func(m move) bool { return m.force && m.ready != nil })
}

// askable lists the proxies that can be asked; each service must have one.
func (o *Switch) askable(ctx context.Context, s *Observed, moves []move) ([]proxyTask, error) {
	all, err := o.proxyTasks(ctx, s, services(moves))
	if err != nil {
		return nil, err
	}
	up := slices.DeleteFunc(all, func(p proxyTask) bool { return !p.askable() })
	for _, m := range moves {
		if !slices.ContainsFunc(up, func(p proxyTask) bool { return p.Service == m.b.Name }) {
			return nil, fmt.Errorf("service %s: %w: see `docker service ps %s`", m.b.Name, errNoProxy, m.b.Proxy.Spec.Name)
		}
	}
	return up, nil
}

// askable says whether a proxy can be expected to answer.
func (t proxyTask) askable() bool {
	return !t.Down && !t.Waiting && t.Addr != "" && order(t.State) >= order(api.TaskStateStarting)
}

func moveOrder(moves []move) haproxy.Order {
	ord := haproxy.Order{Wait: readyTime, Routes: map[string]haproxy.Route{}}
	for _, m := range moves {
		ord.Routes[m.b.Name] = m.to
		if m.ready != nil {
			ord.Until = append(ord.Until, haproxy.Condition{Service: m.b.Name, Color: m.to.Color, Want: haproxy.Ready, Addrs: m.ready})
		}
	}
	return ord
}

// outrun raises the routes of the moves above any that a proxy answered with, and says whether it had to.
func outrun(moves []move, report *answer) bool {
	raised := false
	for i := range moves {
		for _, p := range report.Proxies {
			if p.Service == moves[i].b.Name && p.Route.Sequence > moves[i].to.Sequence {
				moves[i].to.Sequence = p.Route.Sequence + 1
				raised = true
			}
		}
	}
	return raised
}
