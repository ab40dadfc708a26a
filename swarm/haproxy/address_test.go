package haproxy

import (
	"slices"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// A task that is new at an address that was known before is not ready by the checks of the one
// before.
func TestReturningAddress(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Health.Interval = 4 * time.Second })
		_, green := s.colors()
		a, b := s.pair()
		ready := []Condition{{"web", Green, Ready, []string{s.addr(21)}}}
		if report, _ := s.order(Order{Proxies: s.proxies(a, b), Until: ready, Wait: 10 * time.Second}); !report.Met {
			t.Fatal("the first task is not ready")
		}
		s.dns.set("tasks.web-green")
		eventually(t, 10*time.Second, "the address is forgotten", func() bool { return !s.knows(a, Green) && !s.knows(b, Green) })
		green.server.Close()
		s.dns.set("tasks.web-green", s.addr(21))
		eventually(t, 10*time.Second, "the address is known again", func() bool { return s.knows(a, Green) && s.knows(b, Green) })
		if report, _ := s.order(Order{Proxies: s.proxies(a, b), Until: ready, Wait: time.Second}); report.Met {
			t.Error("a task that does not listen is ready")
		}
	})
}

// knows says whether a proxy has an address of a color.
func (s *site) knows(p *running, color string) bool {
	report, _ := s.order(Order{Proxies: s.proxies(p)})
	return slices.ContainsFunc(report.Proxies[0].Servers, func(s Server) bool { return s.Color == color })
}

// The only task of the active color is replaced by another one: no request is lost, and the new one
// is ready after a check.
func TestReplacedTask(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		s.startApp(12, Blue)
		a, b := s.pair()
		l := s.startLoad(bluegreen.ModeHTTP, a, b)
		l.more(50)
		s.dns.set("tasks.web-blue", s.addr(12))
		ready := []Condition{{"web", Blue, Ready, []string{s.addr(12)}}}
		if report, _ := s.order(Order{Proxies: s.proxies(a, b), Until: ready, Wait: 10 * time.Second}); !report.Met {
			t.Error("the new task is not ready")
		}
		l.more(50)
		l.end()
	})
}
