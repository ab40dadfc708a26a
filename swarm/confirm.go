package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// confirmTime is how long proxies that have not confirmed a route are asked again.
const confirmTime = 30 * time.Second

// errDrift says that the proxies follow a later route than the one that is written down.
var errDrift = errors.New("the proxies follow another route than the one written down")

// heard are the ids of the proxy tasks that have confirmed their route.
type heard map[string]bool

// add notes the proxies that answered with the route of their service.
func (h heard) add(moves []move, proxies []proxyTask, report *answer) heard {
	for _, p := range proxies {
		for _, a := range report.Proxies {
			if a.Addr == p.Addr && a.Service == p.Service && follows(moves, a) {
				h[p.ID] = true
			}
		}
	}
	return h
}

func follows(moves []move, a *haproxy.ProxyReport) bool {
	return slices.ContainsFunc(moves, func(m move) bool { return m.b.Name == a.Service && m.to == a.Route })
}

// confirm asks until every proxy that may route has confirmed its route, also those that started meanwhile.
// The error is an *UnconfirmedError that names the others, or errDrift.
func (o *Switch) confirm(ctx context.Context, s *Observed, moves []move, h heard) error {
	if h == nil {
		h = heard{}
	}
	for began := time.Now(); ; {
		all, err := o.proxyTasks(ctx, s, services(moves))
		if err != nil {
			return err
		}
		missing := slices.DeleteFunc(slices.Clone(all), func(p proxyTask) bool { return h[p.ID] || p.Waiting })
		ask := slices.DeleteFunc(slices.Clone(missing), func(p proxyTask) bool { return !p.askable() })
		stays := handedOn(moves, all, h)
		late := time.Since(began) > confirmTime
		switch {
		case len(missing) == 0 && stays && (late || !outdated(moves, all)):
			return nil
		case len(missing) > 0 && (stays && onlyDown(missing) || late):
			return unconfirmed(moves, missing)
		case late:
			return unconfirmed(moves, all)
		case len(ask) == 0:
			if !o.pause(ctx) {
				return unconfirmed(moves, all)
			}
			continue
		}
		if err := o.tellAgain(ctx, s, moves, ask, h); err != nil {
			return errors.Join(err, unconfirmed(moves, missing))
		}
	}
}

// handedOn says whether each service has a proxy that has confirmed, stays and runs: Docker's DNS names it, so that
// those that start meet it and take the route from it. Were all that confirmed about to end, or not healthy yet,
// a task made before the flip could find nobody to ask.
func handedOn(moves []move, all []proxyTask, h heard) bool {
	for _, m := range moves {
		if !slices.ContainsFunc(all, func(p proxyTask) bool {
			return p.Service == m.b.Name && h[p.ID] && p.State == api.TaskStateRunning && !p.Stopping && !p.Down
		}) {
			return false
		}
	}
	return true
}

// outdated says whether a proxy is about to start with a route from before the last one was written down. It asks its
// peers; but while proxies are replaced one after the other, none of them may be where it can find them.
func outdated(moves []move, all []proxyTask) bool {
	return slices.ContainsFunc(all, func(p proxyTask) bool {
		return p.Waiting && !p.Down && slices.ContainsFunc(moves, func(m move) bool {
			return m.b.Name == p.Service && p.Created.Before(m.b.Proxy.UpdatedAt)
		})
	})
}

// tellAgain gives the routes without conditions: who has them already only confirms.
func (o *Switch) tellAgain(ctx context.Context, s *Observed, moves []move, ask []proxyTask, h heard) error {
	again := slices.Clone(moves)
	for i := range again {
		again[i].ready = nil
	}
	report, err := o.order(ctx, s, ask, moveOrder(again), nil)
	if err != nil {
		return err
	}
	if outrun(again, report) {
		return errDrift
	}
	h.add(moves, ask, report)
	return nil
}

func onlyDown(missing []proxyTask) bool {
	return !slices.ContainsFunc(missing, func(p proxyTask) bool { return !p.Down })
}

func sentence(list []string) string { return strings.Join(list, ", ") }

func unconfirmed(moves []move, missing []proxyTask) error {
	e := &UnconfirmedError{Service: services(moves)[0],
		After: "nothing was stopped: both colors go on running. Bring the node back, or remove it with `docker node rm --force`, then run the same command again"}
	for _, p := range missing {
		e.Proxies = append(e.Proxies, p.String())
	}
	if len(missing) == 0 {
		e.Proxies = []string{"no proxy runs that stays"}
	}
	for _, m := range moves {
		if m.from.Color != m.to.Color {
			e.After = fmt.Sprintf("the others send to %s now; %s", m.to.Color, e.After)
			break
		}
	}
	return e
}

// settle ends flips that were begun and not ended, in the direction in which the proxies went, and mends a label
// that is behind the proxies. It says whether any flip went forward. Only services with proxies are looked at.
func (o *Switch) settle(ctx context.Context, s *Observed, names []string) (forward bool, err error) {
	moves, err := o.standing(ctx, s, names)
	if err != nil || len(moves) == 0 {
		return false, err
	}
	proxies, err := o.askable(ctx, s, moves)
	if err != nil {
		return false, err
	}
	report, err := o.order(ctx, s, proxies, haproxy.Order{}, nil)
	if err != nil {
		return false, err
	}
	for i := range moves {
		m := &moves[i]
		if err := m.judge(report); err != nil {
			return false, err
		}
		if next, _ := m.b.next(); next.Color == m.to.Color {
			s.finished[m.b.Name] = true
		}
		forward = forward || m.from.Color != m.to.Color
	}
	return forward, o.finish(ctx, s, moves, nil)
}

// standing reads the services afresh and returns, for each, a move that goes nowhere yet.
func (o *Switch) standing(ctx context.Context, s *Observed, names []string) ([]move, error) {
	var moves []move
	for _, name := range names {
		b := s.BlueGreen[name]
		if b == nil || b.Proxy == nil {
			continue
		}
		fresh, err := o.inspect(ctx, b.Proxy.ID)
		if err != nil {
			return nil, err
		}
		b.Proxy = fresh
		r, err := b.route()
		if err != nil {
			return nil, err
		}
		moves = append(moves, move{b: b, from: r, to: r})
	}
	return moves, nil
}

// judge decides where a service points: to the latest route that any proxy has. When nobody took the route of
// an unfinished flip, a still later one overrules it: somebody who could not be asked may have taken it.
func (m *move) judge(report *answer) error {
	next, err := m.b.next()
	if err != nil {
		return err
	}
	for _, p := range report.Proxies {
		if p.Service == m.b.Name && p.Route.Sequence > m.to.Sequence && p.Route.Color != "" {
			m.to = p.Route
		}
	}
	if next.Color != "" && m.to.Sequence < next.Sequence {
		m.to.Sequence = next.Sequence + 1
	}
	return nil
}
