package haproxy

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// guarded is a site whose proxies watch, for as long as no slow machine could need.
func guarded(t *testing.T, h installed, g bluegreen.Guard) *site {
	s := newSite(t, h)
	g.Bake, g.Window = time.Hour, 10*time.Second
	s.proxy.Guard, s.proxy.Guards = &g, "tasks.guards"
	return s
}

// watched is a route that is watched.
func watched(sequence uint64, color string) Route {
	return Route{Sequence: sequence, Color: color, Guard: Guard{On: true, Until: time.Now().Add(time.Hour).Unix()}}
}

// route is what a proxy says its route is.
func (s *site) route(p *running) string {
	s.t.Helper()
	return s.report(p).Route.String()
}

// report is what a proxy says of itself.
func (s *site) report(p *running) *ProxyReport {
	s.t.Helper()
	report, _ := s.order(Order{Proxies: s.proxies(p)})
	return report.Proxies[0]
}

// asking makes requests until it is stopped.
type asking struct {
	working sync.WaitGroup
	made    atomic.Int64
	stop    context.CancelFunc
}

// keepAsking makes requests to a path, side by side. Those that are still under way in the end are
// given up.
func (s *site) keepAsking(path string, ps ...*running) *asking {
	const workers = 8 // where they all hang, some may have begun before the guard: it needs fewer
	ctx, cancel := context.WithCancel(s.t.Context())
	a := &asking{stop: cancel}
	s.t.Cleanup(a.end)
	for i := range workers {
		a.working.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: s.proxy.Colors[Blue].Ports[0].Mode == bluegreen.ModeTCP}}
			defer client.CloseIdleConnections()
			for n := i; ctx.Err() == nil; n++ {
				request, _ := http.NewRequestWithContext(ctx, http.MethodGet, ps[n%len(ps)].url(path), nil)
				answerTo(client, request)
				a.made.Add(1)
				time.Sleep(5 * time.Millisecond) // a client's
			}
		})
	}
	return a
}

func (a *asking) end() {
	a.stop()
	a.working.Wait()
}

// A new color that fails, answers late, or not at all, loses the traffic: in all proxies, also in
// the one that has seen nothing of it, and whatever is wrong is told.
func TestGuardTrips(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		guard      bluegreen.Guard
		route      Route
		back, says string
	}{
		{"errors", "/?green=500", bluegreen.Guard{Errors: 5, Requests: 50}, watched(2, Green), "3:blue:::tripped", "requests to green failed within"},
		{"cut off", "/?green=cut", bluegreen.Guard{Errors: 5, Requests: 50}, watched(2, Green), "3:blue:::tripped", "requests to green failed within"},
		{"slow", "/?green=300ms", bluegreen.Guard{Errors: 50, Requests: 50, Latency: 100 * time.Millisecond}, watched(2, Green), "3:blue:::tripped", "answers of green took"},
		{"hangs", "/?green=1h", bluegreen.Guard{Errors: 50, Requests: 4, Latency: 100 * time.Millisecond}, watched(2, Green), "3:blue:::tripped", "requests to green failed within"},
		{"a share", "/?green=500", bluegreen.Guard{Errors: 5, Requests: 20}, Route{Sequence: 2, Color: Blue, Share: 30, Guard: Guard{On: true}}, "3:blue:::tripped", "requests to green failed within"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := guarded(t, h, tc.guard)
				s.proxy.Canary = &bluegreen.Canary{By: bluegreen.ByRandom}
				s.colors()
				a, b := s.pair()
				s.dns.set("tasks.guards", s.addr(1), s.addr(2))
				asking := s.keepAsking(tc.path, a) // b sees no request
				if tc.name == "hangs" {            // clients that break downloads off must not hide it
					for range 20 {
						s.breaksOff(a, "/stream")
					}
				}
				s.weigh(tc.route, a, b)
				began := time.Now()
				for _, p := range []*running{a, b} {
					eventually(t, slower*20*time.Second, "the guard of "+p.addr+" trips", func() bool { return s.route(p) == tc.back })
					if why := s.report(p).Tripped; !strings.Contains(why, tc.says) {
						t.Errorf("proxy %s went back because of %q, want %q", p.addr, why, tc.says)
					}
				}
				t.Logf("after %s", time.Since(began).Round(10*time.Millisecond))
				asking.end()
				if got := counted(100, func(int, *http.Request) {}, a, b); got[Blue] != 100 {
					t.Errorf("after it %v answered", got)
				}
			})
		})
	}
}

// On a port of mode tcp, connections that cannot be made count, and nothing else.
func TestGuardOfBytes(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := guarded(t, h, bluegreen.Guard{Errors: 5, Requests: 20, Latency: time.Millisecond})
		s.eachColor(func(r *bluegreen.Release) {
			r.Ports[0].Mode = bluegreen.ModeTCP
			r.Health.Interval, r.Health.Fall = time.Minute, 100 // the check is not to be the first to notice
		})
		_, green := s.colors()
		a, b := s.pair()
		s.weigh(watched(2, Green), a, b)
		asking := s.keepAsking("/?green=5ms", a)
		eventually(t, slower*20*time.Second, "the guard has seen connections", func() bool { return s.looks(a) > 60 })
		if got := s.route(a); got != watched(2, Green).String() && !strings.HasPrefix(got, "2:green") {
			t.Errorf("without a failure the route is %s: %s", got, s.report(a).Tripped)
		}
		asking.end()
		green.server.Close()
		s.keepAsking("/", a)
		eventually(t, slower*30*time.Second, "the guard trips", func() bool { return s.route(b) == "3:blue:::tripped" })
		if strings.Contains(a.log.String(), "the guard cannot judge") {
			t.Errorf("the guard failed: %s", a.log)
		}
	})
}

// breaksOff begins a download and breaks it off.
func (s *site) breaksOff(p *running, path string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.url(path), nil)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	cancel()
	response.Body.Close()
}

// A release that does as it should keeps its traffic, and so does a bad one where too few requests
// come, where nobody watches, and where the old color has no task.
func TestGuardDoesNotTrip(t *testing.T) {
	const nobody = "the guard would give the traffic to blue, of which no task is up"
	for _, tc := range []struct {
		name, path string
		guard      bluegreen.Guard
		route      Route
		noBlue     bool
	}{
		{"all is well", "/?green=5ms", bluegreen.Guard{Errors: 0, Requests: 50, Latency: 5 * time.Second}, watched(2, Green), false},
		{"few requests", "/?green=500", bluegreen.Guard{Errors: 5, Requests: 1_000_000}, watched(2, Green), false},
		{"nobody watches", "/?green=500", bluegreen.Guard{Errors: 5, Requests: 50}, Route{Sequence: 2, Color: Green}, false},
		{"only the old color fails", "/?blue=500", bluegreen.Guard{Errors: 5, Requests: 50}, Route{Sequence: 2, Color: Blue, Share: 30, Guard: Guard{On: true}}, false},
		{"nobody to go back to", "/?green=500", bluegreen.Guard{Errors: 5, Requests: 50}, watched(2, Green), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := guarded(t, h, tc.guard)
				s.proxy.Canary = &bluegreen.Canary{By: bluegreen.ByRandom}
				s.colors()
				a, b := s.pair()
				s.weigh(Route{Sequence: 1, Color: Blue}, a, b) // no more than a question
				if tc.noBlue {
					s.dns.set("tasks.web-blue")
					eventually(t, slower*10*time.Second, "blue has no task", func() bool { return !s.knows(a, Blue) && !s.knows(b, Blue) })
				}
				s.weigh(tc.route, a, b)
				asking := s.keepAsking(tc.path, a, b)
				eventually(t, slower*20*time.Second, "the guard has looked at what came", func() bool {
					return asking.made.Load() > 400 && (!tc.route.Guard.On || s.looks(a) >= 100 || tc.noBlue && strings.Contains(a.log.String(), nobody))
				})
				asking.end()
				if got := s.route(a); got != tc.route.String() {
					t.Errorf("the route is %s, want %s: %s", got, tc.route, s.report(a).Tripped)
				}
				if said := strings.Contains(a.log.String(), nobody); said != tc.noBlue {
					t.Errorf("the log says that nobody could serve: %v", said)
				}
			})
		})
	}
}

// looks is how many requests the guard of a proxy has seen.
func (s *site) looks(p *running) int {
	report, _ := s.order(Order{Proxies: s.proxies(p), Watch: time.Millisecond})
	n := 0
	for _, f := range report.Figures["web"] {
		n += f.Requests
	}
	return n
}

// Services that were given their routes together go back together; one that came alone stays.
func TestGuardsOfOneOrder(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := guarded(t, h, bluegreen.Guard{Errors: 5, Requests: 50})
		s.colors()
		together := func(sequence uint64, group string) Route {
			r := watched(sequence, Green)
			r.Guard.Group = group
			return r
		}
		s.dns.set("tasks.guards", s.addr(1), s.addr(2), s.addr(3))
		s.dns.set("tasks.proxies", s.addr(1))
		web := s.start(1, "1:blue")
		s.ready(web)
		others := map[string]*running{}
		for n, name := range map[int]string{2: "api", 3: "mail"} {
			s.proxy.Service, s.proxy.Peers = name, "tasks."+name
			s.dns.set("tasks."+name, s.addr(n))
			others[name] = s.start(n, "5:blue")
			s.ready(others[name])
		}
		s.order(Order{
			Proxies: []ProxyAddr{{"web", web.addr}, {"api", others["api"].addr}, {"mail", others["mail"].addr}}, Wait: 5 * time.Second,
			Routes: map[string]Route{"web": together(2, "x1"), "api": together(6, "x1"), "mail": together(6, "x2")},
		})
		asking := s.keepAsking("/?green=500", web)
		routes := func() string {
			report, _ := s.order(Order{Proxies: []ProxyAddr{{"web", web.addr}, {"api", others["api"].addr}}})
			return fmt.Sprint(report.Proxies[0].Route, " ", report.Proxies[1].Route)
		}
		eventually(t, slower*20*time.Second, "both go back", func() bool { return routes() == "3:blue:::tripped 7:blue:::tripped" })
		asking.end()
		report, _ := s.order(Order{Proxies: []ProxyAddr{{"api", others["api"].addr}, {"mail", others["mail"].addr}}})
		if why := report.Proxies[0].Tripped; !strings.HasPrefix(why, "with service web: ") {
			t.Errorf("api went back because of %q", why)
		}
		if got := report.Proxies[1].Route; got.Sequence != 6 {
			t.Errorf("mail, which came alone, has %s", got)
		}
	})
}

// A proxy that could not be told that a service of its group has gone back does so as soon as it
// can be; one that was told before it had the route of that group does so once it has it.
func TestGuardHearsLate(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := guarded(t, h, bluegreen.Guard{Errors: 5, Requests: 50})
		s.colors()
		together := func(sequence uint64) Route {
			r := watched(sequence, Green)
			r.Guard.Group = "x1"
			return r
		}
		s.dns.set("tasks.guards", s.addr(1), s.addr(2), s.addr(3))
		start := func(n int, service, route string) ProxyAddr {
			s.proxy.Service, s.proxy.Peers = service, "tasks."+service
			s.dns.set(s.proxy.Peers, s.addr(n))
			p := s.start(n, route)
			s.ready(p)
			return ProxyAddr{service, p.addr}
		}
		tell := func(p ProxyAddr, r Route) {
			s.order(Order{Proxies: []ProxyAddr{p}, Wait: 5 * time.Second, Routes: map[string]Route{p.Service: r}})
		}
		goesBack := func(p ProxyAddr, route, why string) {
			t.Helper()
			eventually(t, slower*20*time.Second, p.Service+" goes back", func() bool {
				report, _ := s.order(Order{Proxies: []ProxyAddr{p}})
				return report.Proxies[0].Route.String() == route && strings.HasPrefix(report.Proxies[0].Tripped, why)
			})
		}
		api := start(2, "api", "5:blue")
		s.proxy.Service, s.proxy.Peers = "web", "tasks.proxies"
		s.dns.set("tasks.proxies", s.addr(1))
		p := s.start(1, "1:blue")
		s.ready(p)
		web := ProxyAddr{"web", p.addr}
		tell(web, together(2))
		asking := s.keepAsking("/?green=500", p)
		goesBack(web, "3:blue:::tripped", "")
		asking.end()
		tell(api, together(6))
		eventually(t, slower*20*time.Second, "web knows that mail has not heard of it", func() bool { return strings.Contains(p.log.String(), " does not hear of that yet") })
		mail := start(3, "mail", together(8).String())
		goesBack(api, "7:blue:::tripped", "with service web: ")
		goesBack(mail, "9:blue:::tripped", "with service web: ")
	})
}

// A proxy that starts while the others watch does so, too; one that starts with a label from before
// they went back takes the route from them.
func TestGuardOfANewProxy(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := guarded(t, h, bluegreen.Guard{Errors: 5, Requests: 50})
		s.colors()
		a, b := s.pair()
		r := watched(2, Green)
		s.weigh(r, a, b)
		s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3))
		c := s.start(3, "1:blue")
		s.ready(c)
		asking := s.keepAsking("/?green=500", c)
		for _, p := range []*running{a, b, c} {
			eventually(t, slower*20*time.Second, p.addr+" goes back", func() bool { return s.route(p) == "3:blue:::tripped" })
		}
		asking.end()
		s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3), s.addr(4))
		d := s.start(4, r.String())
		s.ready(d)
		if got := s.route(d); got != "3:blue:::tripped" {
			t.Errorf("a proxy that starts later has %s", got)
		}
		over := s.start(5, Route{Sequence: 4, Color: Green, Guard: Guard{On: true, Until: time.Now().Add(-time.Minute).Unix()}}.String())
		s.ready(over)
		asking = s.keepAsking("/?green=500", over)
		eventually(t, slower*20*time.Second, "it has seen enough", func() bool { return s.looks(over) > 100 })
		asking.end()
		if got := s.report(over).Route; got.Color != Green {
			t.Errorf("a proxy that starts after the time has gone back: %s", got)
		}
	})
}

// An order that leaves a watched route tells nobody once any proxy has gone back.
func TestOrderComesAfterATrip(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := guarded(t, h, bluegreen.Guard{Errors: 5, Requests: 50})
		s.colors()
		a, b := s.pair()
		s.weigh(watched(2, Green), a, b)
		asking := s.keepAsking("/?green=500", a)
		eventually(t, slower*20*time.Second, "the guard trips", func() bool { return s.route(b) == "3:blue:::tripped" })
		asking.end()
		report, _ := s.order(Order{Proxies: s.proxies(a, b), Wait: 5 * time.Second, Routes: map[string]Route{"web": {Sequence: 4, Color: Green}}, From: map[string]uint64{"web": 2}})
		if len(report.Beyond) != 2 || report.Proxies[0].Outcome != "" || report.Met {
			t.Errorf("the order found %v, and told %q", report.Beyond, report.Proxies[0].Outcome)
		}
		if got := s.route(a) + " " + s.route(b); got != "3:blue:::tripped 3:blue:::tripped" {
			t.Errorf("the routes are %s", got)
		}
		s.flip(4, Green, a, b) // who knows may
	})
}
