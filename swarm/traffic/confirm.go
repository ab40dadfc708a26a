package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// confirmTime is how long proxies that have not confirmed a route are asked again. Docker tells
// nodes every 30 s what they have missed of each other's addresses: until then, a proxy that was
// just replaced may be out of reach.
const confirmTime = 45 * time.Second

// ErrDrift says that the proxies follow a later route than the one that is written down.
var ErrDrift = errors.New("the proxies follow another route than the label")

// Heard are the ids of the proxy tasks that have confirmed their route.
type Heard map[string]bool

// Add notes the proxies that answered with the route of their service.
func (h Heard) Add(moves []Move, proxies []cluster.ProxyTask, report *Answer) Heard {
	for _, p := range proxies {
		for _, a := range report.Proxies {
			if a.Addr == p.Addr && a.Service == p.Service && follows(moves, a) {
				h[p.ID] = true
			}
		}
	}
	return h
}

func follows(moves []Move, a *haproxy.ProxyReport) bool {
	return slices.ContainsFunc(moves, func(m Move) bool { return m.Service.Name == a.Service && m.To == a.Route })
}

// Confirm asks until every proxy that may route has confirmed its route, also those that started
// meanwhile. The error is an *UnconfirmedError that names the others, or ErrDrift.
func (sw *Switch) Confirm(ctx context.Context, rec *cluster.Record, moves []Move, h Heard) error {
	if h == nil {
		h = Heard{}
	}
	var last []cluster.ProxyTask
	look := sw.Now()
	for began := time.Now(); ; {
		all, err := sw.ProxyTasks(ctx, look, rec, services(moves))
		switch {
		case err != nil && ctx.Err() != nil && last != nil:
			return unconfirmed(moves, last)
		case err != nil:
			return err
		}
		last, look = all, sw.Now()
		missing := slices.DeleteFunc(slices.Clone(all), func(p cluster.ProxyTask) bool { return h[p.ID] || p.Waiting })
		ask := slices.DeleteFunc(slices.Clone(missing), func(p cluster.ProxyTask) bool { return !p.Askable() })
		stays := handedOn(moves, all, h)
		late := time.Since(began) > confirmTime
		switch {
		case len(missing) == 0 && stays && (late || !outdated(moves, all)):
			return nil
		case len(missing) > 0 && (stays && onlyDown(missing) || late):
			return unconfirmed(moves, missing)
		case late:
			err := unconfirmed(moves, all)
			err.Unhealthy = len(all) > 0 && len(missing) == 0 && writtenDown(moves) && !outdated(moves, all)
			return err
		case len(ask) == 0:
			look = sw.Next()
			continue
		}
		if err := sw.tellAgain(ctx, rec, moves, ask, h); err != nil {
			return errors.Join(err, unconfirmed(moves, missing))
		}
	}
}

// handedOn says whether each service has a proxy that has confirmed, stays and runs: Docker's DNS
// names it, so that those that start meet it and take the route from it. Were all that confirmed
// about to end, or not healthy yet, a task made before the flip could find nobody to ask.
func handedOn(moves []Move, all []cluster.ProxyTask, h Heard) bool {
	for _, m := range moves {
		if !slices.ContainsFunc(all, func(p cluster.ProxyTask) bool {
			return p.Service == m.Service.Name && h[p.ID] && p.State == api.TaskStateRunning && !p.Stopping && !p.Down
		}) {
			return false
		}
	}
	return true
}

// writtenDown says whether the labels name the routes already: proxies that are made from now on
// start with them.
func writtenDown(moves []Move) bool {
	return !slices.ContainsFunc(moves, func(m Move) bool {
		route, err := m.Service.Route()
		return err != nil || route != m.To
	})
}

// outdated says whether a proxy is about to start with a route from before the last one was written
// down. It asks its peers; but while proxies are replaced one after the other, none of them may be
// where it can find them.
func outdated(moves []Move, all []cluster.ProxyTask) bool {
	return slices.ContainsFunc(all, func(p cluster.ProxyTask) bool {
		return p.Waiting && !p.Down && slices.ContainsFunc(moves, func(m Move) bool {
			return m.Service.Name == p.Service && p.Created.Before(m.Service.Proxy.UpdatedAt)
		})
	})
}

// tellAgain gives the routes without conditions: who has them already only confirms.
func (sw *Switch) tellAgain(ctx context.Context, rec *cluster.Record, moves []Move, ask []cluster.ProxyTask, h Heard) error {
	again := slices.Clone(moves)
	for i := range again {
		again[i].Ready = nil
	}
	report, err := sw.Order(ctx, rec, ask, moveOrder(again), nil)
	if err != nil {
		return err
	}
	if Outrun(again, report) {
		return ErrDrift
	}
	h.Add(moves, ask, report)
	return nil
}

func onlyDown(missing []cluster.ProxyTask) bool {
	return !slices.ContainsFunc(missing, func(p cluster.ProxyTask) bool { return !p.Down })
}

func unconfirmed(moves []Move, missing []cluster.ProxyTask) *cluster.UnconfirmedError {
	e := &cluster.UnconfirmedError{Service: services(moves)[0],
		After: "nothing was stopped: both colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again"}
	for _, p := range missing {
		e.Proxies = append(e.Proxies, p.String())
	}
	if len(missing) == 0 {
		e.Proxies = []string{"no proxy runs, except stopping ones"}
	}
	for _, m := range moves {
		if m.From.Color != m.To.Color {
			e.After = fmt.Sprintf("the others send to %s now; %s", m.To.Color, e.After)
			break
		}
	}
	return e
}

// Settle ends flips that were begun and not ended, in the direction in which the proxies went, and
// repairs a label that is behind the proxies. It returns the route of each service. Only services
// with proxies are looked at.
func (sw *Switch) Settle(ctx context.Context, rec *cluster.Record, names []string) (map[string]haproxy.Route, error) {
	moves, err := sw.standing(ctx, rec, names)
	if err != nil || len(moves) == 0 {
		return nil, err
	}
	proxies, err := sw.Askable(ctx, rec, moves)
	if err != nil {
		return nil, err
	}
	report, err := sw.Order(ctx, rec, proxies, haproxy.Order{}, nil)
	if err != nil {
		return nil, err
	}
	sends := map[string]haproxy.Route{}
	for i := range moves {
		m := &moves[i]
		if err := m.judge(report); err != nil {
			return nil, err
		}
		next, _ := m.Service.Next()
		m.resumed = next.Color == m.To.Color
		if m.resumed && !m.Service.NextByShare() {
			began := cluster.BeganByFlip
			if m.Rollback {
				began = cluster.BeganByRollback
			}
			rec.Note(func(s *cluster.Snapshot) { s.Finished[m.Service.Name] = began })
		}
		sends[m.Service.Name] = m.To
	}
	return sends, sw.finish(ctx, rec, moves, nil)
}

// standing reads the services afresh and returns, for each, a move that goes nowhere yet.
func (sw *Switch) standing(ctx context.Context, rec *cluster.Record, names []string) ([]Move, error) {
	var moves []Move
	for _, name := range names {
		b := rec.Entry(name)
		if b.Proxy == nil {
			continue
		}
		fresh, err := sw.Inspect(ctx, b.Proxy.ID)
		if err != nil {
			return nil, err
		}
		b.Proxy = fresh
		m, err := Standing(b)
		if err != nil {
			return nil, err
		}
		m.Rollback = b.NextByRollback()
		moves = append(moves, m)
	}
	return moves, nil
}

// judge decides where a service points: to the latest route that any proxy has. When nobody took
// the route of an unfinished flip, a still later one overrules it: somebody who could not be asked
// may have taken it.
func (m *Move) judge(report *Answer) error {
	next, err := m.Service.Next()
	if err != nil {
		return err
	}
	for _, p := range report.Proxies {
		if p.Service == m.Service.Name && p.Route.Sequence > m.To.Sequence && p.Route.Color != "" {
			m.To, m.Reason = p.Route, p.Tripped
		}
	}
	// Nor does it go back behind a route by which a color was active, as when an older label was
	// brought back and all proxies began with it.
	if last := max(next.Sequence, m.Service.LastServed()); m.To.Sequence < last {
		m.To.Sequence = haproxy.Route{Sequence: last, Guard: m.To.Guard}.Next()
		if next.Guard.On {
			m.To.Sequence = next.Next()
		}
	}
	return nil
}
