package traffic

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

const (
	// readyTime is how long the proxies may stand still until they see a color ready whose tasks
	// run: as long as one more server or proxy is ready each time, they have it anew.
	readyTime = 10 * time.Second
	// readyMost is how long that may take in all.
	readyMost = 2 * time.Minute
)

// ErrNotReady says that some proxy does not see a color ready: nothing was told, traffic is where
// it was.
var ErrNotReady = errors.New("not ready in every proxy")

// NotReadyError is ErrNotReady with what is lacking.
type NotReadyError struct {
	// Services are those of which some proxy lacks something.
	Services []string
	Unmet    string
}

func (e *NotReadyError) Error() string { return ErrNotReady.Error() + ": " + e.Unmet }

func (e *NotReadyError) Unwrap() error { return ErrNotReady }

// errDoubt says that an order was ended from outside, and may have been given.
var errDoubt = errors.New("the proxies changed meanwhile")

// ErrNoProxy says that no proxy of a service can be asked.
var ErrNoProxy = errors.New("none of its proxies runs")

// give tells the proxies the new routes once each sees the new color ready, and returns which tasks
// confirmed. While proxies come and go, the order is given anew to those that are there.
func (sw *Switch) give(ctx context.Context, rec *cluster.Record, moves []Move) (Heard, error) {
	var doubt error // an order that was ended from outside may have been given
	fewest := math.MaxInt
	for began, end := time.Now(), time.Now().Add(2*readyTime); ; {
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
		case len(wentBack(moves, report)) > 0:
			return nil, &WentBackError{wentBack(moves, report)}
		case !report.Met && report.Advanced(&fewest) && time.Since(began) < readyMost:
			sw.Working("", "flip", "not ready in every proxy yet: %s", report.Unmet())
		case !report.Met && forced(moves) && report.onlyUnreachable():
			sw.Warn("", "flip", "rolling back anyway: %s", report.Unmet())
			for i := range moves {
				moves[i].Ready = nil
			}
		case !report.Met:
			return nil, errors.Join(&NotReadyError{report.lackingServices(), report.Unmet()}, doubt)
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
	ord := moveOrder(moves)
	ord.From = map[string]uint64{}
	for _, m := range moves {
		if m.From.Guard.On && !m.Rollback { // a rollback leads where the guard goes
			ord.From[m.Service.Name] = m.From.Sequence
		}
	}
	report, err := sw.watched(ctx, rec, moves, proxies, ord, func(unmet string) { sw.Working("", "flip", "%s", unmet) })
	return proxies, report, err
}

// OrderHere sends an order to the proxies of moves that are there. The error is ErrNoProxy when
// none is, and ErrTasksChanged when others came or went meanwhile.
func (sw *Switch) OrderHere(ctx context.Context, rec *cluster.Record, moves []Move, o haproxy.Order, unmet func(string)) (*Answer, error) {
	proxies, err := sw.Askable(ctx, rec, moves)
	if err != nil {
		return nil, err
	}
	return sw.watched(ctx, rec, moves, proxies, o, unmet)
}

// watched sends an order to proxies, until they are not those of the moves any more.
func (sw *Switch) watched(ctx context.Context, rec *cluster.Record, moves []Move, proxies []cluster.ProxyTask, o haproxy.Order, unmet func(string)) (*Answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() { sw.watchProxies(ctx, rec, moves, proxies, cancel) })
	return sw.Order(ctx, rec, proxies, o, unmet)
}

// watchProxies cancels when the proxies that can be asked are not the given ones any more.
func (sw *Switch) watchProxies(ctx context.Context, rec *cluster.Record, moves []Move, proxies []cluster.ProxyTask, cancel context.CancelCauseFunc) {
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
			ord.Until = append(ord.Until, haproxy.Condition{Service: m.Service.Name, Color: string(m.gets()), Want: haproxy.Ready, Addrs: m.Ready})
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
				moves[i].To.Sequence = p.Route.Next()
				raised = true
			}
		}
	}
	return raised
}
