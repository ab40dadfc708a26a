package doctor

import (
	"fmt"
	"slices"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// routes looks at where the labels say that traffic goes, and at what was begun and not ended.
func (s *Stack) routes(f *findings, now time.Time) string {
	services := s.proxied()
	for _, b := range services {
		route, err := b.Route()
		if err != nil {
			f.add(Error, b.Name, s.run("up")+", or as the message says", "%v", err)
			continue
		}
		if _, err := b.Settings(); err != nil {
			f.add(Error, b.Name, s.run("up"), "%v", err)
		}
		if b.Colors[cluster.Color(route.Color)] == nil {
			f.add(Error, b.Name, s.run("up")+", or "+s.run("rollback", b.Name), "the alias leads to %s, and there is no service %s", route.Color, cluster.ColorName(s.Name, b.Name, cluster.Color(route.Color)))
		}
		s.state(f, b, route, now)
		s.begun(f, b, route)
	}
	for _, name := range s.orphans() {
		f.add(Error, name, s.run("up"), "%s", "its colors run and it has no proxies: nothing leads to them")
	}
	if len(services) == 0 {
		return ""
	}
	return cluster.Count(len(services), "blue-green service") + ", no flip is under way"
}

// orphans are services that have colors, no proxies, and no plain service that is taking their
// place.
func (s *Stack) orphans() []string {
	var out []string
	for name, b := range s.BlueGreen {
		if _, plain := s.Plain[name]; b.Proxy == nil && len(b.Colors) > 0 && !plain {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// state looks at requests that wait or are refused, and at what guards did.
func (s *Stack) state(f *findings, b *cluster.BlueGreen, route haproxy.Route, now time.Time) {
	if route.State.Kind != "" {
		verb, is := "resume", "requests wait"
		if route.State.Kind == haproxy.Stop {
			verb, is = "live", "requests are refused, it is in maintenance"
		}
		level, since := OK, ""
		if at := s.stateSince(b, route); !at.IsZero() {
			since = " for " + ago(at, now)
			if now.Sub(at) > long {
				level = Warning
			}
		}
		f.add(level, b.Name, s.run(verb, b.Name)+" ends that", "%s%s", is, since)
	}
	switch {
	case route.Tripped:
		f.add(Warning, b.Name, "correct the release and run "+s.run("up")+"; "+s.run("history", b.Name)+" says more",
			"its guard has sent the traffic back to %s: %s", route.Color, b.Proxy.Spec.Labels[cluster.LabelTripped])
	case route.Guard.On && route.Guard.Over(now) && !s.busy():
		f.add(Warning, b.Name, s.run("wait", b.Name)+" says what has come of it", "the proxies have watched the release on %s for its time, and no command has written that down", route.Color)
	}
}

// stateSince is when the state of a route began, zero if nobody knows.
func (s *Stack) stateSince(b *cluster.BlueGreen, route haproxy.Route) time.Time {
	color := b.Colors[cluster.Color(route.Color)]
	if color == nil {
		return time.Time{}
	}
	r := s.Release(b.Name, cluster.ReleaseOf(color.Spec))
	if r == nil {
		return time.Time{}
	}
	for _, e := range slices.Backward(r.Log) {
		if e.What == cluster.StateSet {
			return e.At
		}
	}
	return time.Time{}
}

// begun looks at what a command has begun, and no command works on any more.
func (s *Stack) begun(f *findings, b *cluster.BlueGreen, route haproxy.Route) {
	if s.busy() {
		return
	}
	next, err := b.Next()
	switch {
	case err != nil:
		f.add(Error, b.Name, s.run("up")+", or as the message says", "%v", err)
	case next.Color == "":
	case next.Sequence <= route.Sequence:
		f.add(Warning, b.Name, s.run("flip", "--to", route.Color, b.Name), "its route is written down, and not every proxy has confirmed it")
	default:
		f.add(Warning, b.Name, "run the same command again, or "+s.run("rollback", b.Name), "%s has begun and not ended", move(b, next))
	}
	for _, c := range cluster.Colors {
		svc := b.Colors[c]
		if svc == nil {
			continue
		}
		labels, serves := svc.Spec.Labels, string(c) == route.Color
		switch {
		case labels[cluster.LabelWithdrawn] != "":
			f.add(Warning, b.Name, s.run("rollback", b.Name), "the release on %s was about to be taken away, and that did not end", c)
		case serves && labels[cluster.LabelUnverified] != "":
			f.add(Warning, b.Name, s.run("up")+" verifies it, "+s.run("rollback", b.Name)+" goes back", "release %d on %s has the traffic and has not passed its verification", cluster.ReleaseOf(svc.Spec), c)
		case b.Saved[c] != nil && !serves && route.Share == 0 && b.Waiting() != c:
			f.add(Warning, b.Name, s.run("up")+" again, or "+s.run("rollback", b.Name), "%s is half-way to another release: a command was ended there", svc.Spec.Name)
		}
	}
}

func move(b *cluster.BlueGreen, next haproxy.Route) string {
	switch {
	case b.NextByRollback():
		return "a rollback to " + next.Color
	case b.NextByShare():
		return fmt.Sprintf("a share of %d %%", next.Share)
	}
	return "a flip to " + next.Color
}
