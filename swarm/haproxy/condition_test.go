package haproxy

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// until runs an order with one condition on a color, and returns whether it was met and what was
// unmet.
func (s *site) until(wait time.Duration, c Condition, ps ...*running) (bool, []Progress) {
	s.t.Helper()
	c.Service = s.proxy.Service
	report, unmet := s.order(Order{Proxies: s.proxies(ps...), Wait: wait, Until: []Condition{c}, Routes: map[string]Route{"web": {Sequence: 99, Color: c.Color}}})
	for _, p := range report.Proxies {
		if told := p.Outcome != ""; told != report.Met {
			s.t.Errorf("met is %t and told is %t", report.Met, told)
		}
	}
	return report.Met, unmet
}

// lacks says whether one of the unmet conditions is about a server and has a cause with these words
// in it.
func lacks(unmet []Progress, what, why string) bool {
	for _, p := range unmet {
		if p.What == what && strings.Contains(p.Why, why) {
			return true
		}
	}
	return false
}

// A color is ready when exactly the servers that are asked for are known, each with a passed check.
func TestReadyIsExact(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		s.startApp(22, Green)
		a, b := s.pair()
		ready := func(tasks ...int) Condition {
			c := Condition{Color: Green, Want: Ready}
			for _, n := range tasks {
				c.Addrs = append(c.Addrs, s.addr(n))
			}
			return c
		}
		if met, unmet := s.until(500*time.Millisecond, ready(21, 22), a, b); met || !lacks(unmet, s.addr(22)+":8080", "not known yet") {
			t.Errorf("a task that DNS does not list: met %t, %+v", met, unmet)
		}
		s.dns.set("tasks.web-green", s.addr(21), s.addr(22))
		if met, unmet := s.until(slower*5*time.Second, ready(21, 22), a, b); !met {
			t.Errorf("both tasks: %+v", unmet)
		}
		if met, unmet := s.until(500*time.Millisecond, ready(22), a, b); met || !lacks(unmet, s.addr(21)+":8080", "still known") {
			t.Errorf("a task too many: met %t, %+v", met, unmet)
		}
		s.dns.set("tasks.web-green", s.addr(22), s.addr(23))
		if met, unmet := s.until(3*time.Second, ready(22, 23), a, b); met || !lacks(unmet, s.addr(23)+":8080", "L4CON") {
			t.Errorf("a task that does not listen: met %t, %+v", met, unmet)
		}
	})
}

// As many tasks as one DNS answer holds are seen, reported, and told of, though the report is
// longer than a buffer.
func TestManyTasks(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.proxy.Slots = 64
		s.colors()
		tasks := []string{s.addr(21)}
		for n := 100; len(tasks) < 60; n++ {
			s.startApp(n, Green)
			tasks = append(tasks, s.addr(n))
		}
		s.dns.set("tasks.web-green", tasks...)
		a, b := s.pair()
		order := Order{Wait: slower * 15 * time.Second, Routes: map[string]Route{"web": {Sequence: 2, Color: Green}},
			Until: []Condition{{"web", Green, Ready, tasks}}}
		for range 15 { // the job does not mind to be given a proxy twice, and so has 30 to talk to
			order.Proxies = append(order.Proxies, s.proxies(a, b)...)
		}
		report, _ := s.order(order)
		if !report.Met || len(report.Proxies) != 2 || len(report.Proxies[0].Servers) < 61 {
			t.Fatalf("met %t, %d proxies", report.Met, len(report.Proxies))
		}
	})
}

// With a health path the answer counts, and the report says what it was. A port of mode tcp is
// asked only where the port of the check is named.
func TestHealthPath(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeH2, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				for name, c := range s.proxy.Colors {
					c.Health.Path, c.Ports[0].Mode = "/healthz?deep=a$b\"c", mode
					if mode == bluegreen.ModeTCP {
						c.Health.Port = testPort
					}
					s.proxy.Colors[name] = c
				}
				_, green := s.colors()
				green.status.Store(http.StatusInternalServerError)
				a, b := s.pair()
				ready := Condition{Color: Green, Want: Ready, Addrs: []string{s.addr(21)}}
				if met, unmet := s.until(time.Second, ready, a, b); met || !lacks(unmet, s.addr(21)+":8080", "500") {
					t.Errorf("unhealthy: met %t, %+v", met, unmet)
				}
				green.status.Store(http.StatusFound)
				if met, unmet := s.until(slower*5*time.Second, ready, a, b); !met {
					t.Errorf("healthy: %+v", unmet)
				}
			})
		})
	}
}

// A color is empty soon after its tasks are gone, however the name server says that it knows none.
func TestEmpty(t *testing.T) {
	t.Parallel()
	for _, code := range []dnsmessage.RCode{dnsmessage.RCodeNameError, dnsmessage.RCodeServerFailure} {
		t.Run(code.String(), func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				_, green := s.colors()
				a, b := s.pair()
				empty := Condition{Color: Green, Want: Empty}
				if met, unmet := s.until(300*time.Millisecond, empty, a, b); met || !lacks(unmet, s.addr(21)+":8080", "UP") {
					t.Errorf("with a task: met %t, %+v", met, unmet)
				}
				s.dns.fail(code)
				s.dns.set("tasks.web-green")
				green.server.Close()
				if met, unmet := s.until(slower*5*time.Second, empty, a, b); !met {
					t.Errorf("without a task: %+v", unmet)
				}
				eventually(t, 10*time.Second, "the address is forgotten", func() bool { return !s.knows(a, Green) })
			})
		})
	}
}
