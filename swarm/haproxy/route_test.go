package haproxy

import (
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// colors starts a task of each color, and says so in DNS.
func (s *site) colors() (blue, green *app) {
	s.t.Helper()
	blue, green = s.startApp(11, Blue), s.startApp(21, Green)
	s.dns.set("tasks.web-blue", s.addr(11))
	s.dns.set("tasks.web-green", s.addr(21))
	return blue, green
}

// pair starts two proxies that route to blue, and waits until they are ready.
func (s *site) pair() (a, b *running) {
	s.t.Helper()
	s.dns.set("tasks.proxies", s.addr(1), s.addr(2))
	a, b = s.start(1, "1:blue"), s.start(2, "1:blue")
	s.ready(a, b)
	return a, b
}

// confirms says whether a proxy that was told a new route has it. It may have had it before the
// order came to it: a peer that was told first answered it.
func confirms(p *ProxyReport, route Route) bool {
	return (p.Outcome == Taken || p.Outcome == Kept) && p.Route == route
}

// flip orders the proxies to route to a color, and fails the test if one does not.
func (s *site) flip(sequence uint64, color string, ps ...*running) {
	s.t.Helper()
	route := Route{Sequence: sequence, Color: color}
	report, _ := s.order(Order{Proxies: s.proxies(ps...), Wait: 5 * time.Second, Routes: map[string]Route{"web": route}})
	for _, p := range report.Proxies {
		if !confirms(p, route) {
			s.t.Errorf("proxy %s %s the route and has %s", p.Addr, p.Outcome, p.Route)
		}
	}
}

// Flips under load: no request fails, and none that began after an order ended reaches the old
// color.
func TestFlipUnderLoad(t *testing.T) {
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeH2, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.eachColor(func(r *bluegreen.Release) { r.Ports = []bluegreen.Port{{Target: testPort, Mode: mode}} })
				s.colors()
				a, b := s.pair()
				l := s.startLoad(mode, a, b)
				for sequence := uint64(2); sequence < 12; sequence++ {
					color := []string{Blue, Green}[sequence%2]
					s.flip(sequence, color, a, b)
					l.flipped(color)
					l.more(50)
				}
				l.end()
			})
		})
	}
}

// A proxy keeps its route when it is told an older one or the same, and the report says which it
// has.
func TestOlderRoute(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		s.flip(5, Green, a, b)
		for name, older := range map[string]Route{"an older one": {Sequence: 4, Color: Blue}, "another of the same age": {Sequence: 5, Color: Blue}, "the same": {Sequence: 5, Color: Green}} {
			t.Run(name, func(t *testing.T) {
				report, _ := s.order(Order{Proxies: s.proxies(a, b), Routes: map[string]Route{"web": older}})
				for _, p := range report.Proxies {
					if p.Outcome != Kept || p.Route != (Route{Sequence: 5, Color: Green}) {
						t.Errorf("%s %s", p.Outcome, p.Route)
					}
				}
			})
		}
		if got := get(a.url("/")); got != Green {
			t.Errorf("answered %q", got)
		}
	})
}

// A proxy that starts with an old route serves nobody before it has the route of its peers.
func TestStaleStart(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = mode })
				s.colors()
				a, b := s.pair()
				s.flip(7, Green, a, b)
				s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3))
				c := s.start(3, "1:blue")
				var got string
				eventually(t, 10*time.Second, "the new proxy listens", func() bool {
					got = get(c.url("/"))
					return got == Blue || got == Green
				})
				if got != Green {
					t.Errorf("the first answer was %q", got)
				}
			})
		})
	}
}

// A proxy that an order did not reach takes the route from its peers.
func TestHealing(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		s.flip(2, Green, a)
		eventually(t, 5*time.Second, "the proxy that was not told answers green", func() bool { return get(b.url("/")) == Green })
	})
}

// A proxy without peers is ready once it is sure of that, within 3 s.
func TestLoneStart(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		began := time.Now()
		a := s.start(1, "1:blue")
		var got string
		eventually(t, 10*time.Second, "the proxy listens", func() bool { got = get(a.url("/")); return got == Blue })
		if took := time.Since(began); took > 3*time.Second+slack || took < 2900*time.Millisecond {
			t.Errorf("it served after %s", took)
		}
		s.ready(a)
	})
}

// Without an active color, with one that is gone, or on a port that the active color does not have,
// the answer is 503.
func TestNowhereToGo(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		s.dns.set("tasks.proxies", s.addr(1))
		green := s.proxy.Colors[Green]
		green.Ports = []bluegreen.Port{{Target: 9000, Mode: bluegreen.ModeHTTP}}
		s.proxy.Colors[Green] = green
		a := s.start(1, "3:blue")
		s.ready(a)
		if got := get(a.url("/")); got != Blue {
			t.Errorf("blue answered %q", got)
		}
		s.flip(4, Green, a)
		if got := get(a.url("/")); got != "503 Service Unavailable" {
			t.Errorf("a port that green lacks answered %q", got)
		}
		b := s.start(2, "5:")
		eventually(t, 20*time.Second, "a proxy without an active color answers", func() bool { return get(b.url("/")) == "503 Service Unavailable" })
	})
}
