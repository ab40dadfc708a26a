package haproxy

import (
	"context"
	"net/http"
	"testing"
	"time"
)

// Idle waits for what is in flight; what is left when the wait runs out is closed only if the order
// says so.
func TestIdle(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		request := func(wait string) chan string {
			got := make(chan string, 1)
			go func() { got <- get(a.url("/?wait=" + wait)) }()
			s.inFlight(a, Blue)
			return got
		}
		idle := []Condition{{"web", Blue, Idle, nil}}
		short := request("1s")
		if report, _ := s.order(Order{Proxies: s.proxies(a, b), Wait: 5 * time.Second, Until: idle}); !report.Met {
			t.Error("the short request did not end")
		}
		if got := <-short; got != Blue {
			t.Errorf("the short request: %s", got)
		}
		left, leave := context.WithCancel(t.Context())
		abandoned, _ := http.NewRequestWithContext(left, http.MethodGet, a.url("/?wait=1h"), nil)
		go http.DefaultClient.Do(abandoned)
		s.inFlight(a, Blue)
		leave()
		if report, _ := s.order(Order{Proxies: s.proxies(a, b), Wait: 5 * time.Second, Until: idle}); !report.Met {
			t.Error("a request whose client is gone did not end")
		}
		long := request("1h")
		report, unmet := s.order(Order{Proxies: s.proxies(a, b), Wait: 300 * time.Millisecond, Until: idle})
		if report.Met || !lacks(unmet, "", "1 in flight") {
			t.Errorf("the long request: met %t, %+v", report.Met, unmet)
		}
		report, _ = s.order(Order{Proxies: s.proxies(a, b), Wait: 300 * time.Millisecond, Until: idle, Close: []Closing{{"web", Blue}}})
		if !report.Met {
			t.Error("the long request was not closed")
		}
		if got := <-long; got == Blue {
			t.Errorf("the long request: %s", got)
		}
	})
}

// inFlight waits until a proxy has something in flight on a color.
func (s *site) inFlight(p *running, color string) {
	s.t.Helper()
	eventually(s.t, 5*time.Second, "a request is in flight", func() bool {
		report, _ := s.order(Order{Proxies: s.proxies(p)})
		return report.Proxies[0].InFlight[color] > 0
	})
}
