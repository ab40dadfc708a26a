package haproxy

import (
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// weigh orders the proxies to give the other color a share, and fails the test if one does not.
func (s *site) weigh(route Route, ps ...*running) {
	s.t.Helper()
	report, _ := s.order(Order{Proxies: s.proxies(ps...), Wait: 5 * time.Second, Routes: map[string]Route{"web": route}})
	for _, p := range report.Proxies {
		if !confirms(p, route) {
			s.t.Errorf("proxy %s %s the route and has %s, want %s", p.Addr, p.Outcome, p.Route, route)
		}
	}
}

// counted makes n requests to the proxies in turn, each as change has it, and returns how many each
// color answered.
func counted(n int, change func(i int, r *http.Request), ps ...*running) map[string]int {
	const workers = 8
	var mu sync.Mutex
	var next atomic.Int64
	var working sync.WaitGroup
	got := map[string]int{}
	for range workers {
		working.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport, Timeout: slower * 20 * time.Second}
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				request, _ := http.NewRequest(http.MethodGet, ps[i%len(ps)].url("/"), nil)
				change(i, request)
				color := answerTo(client, request)
				mu.Lock()
				got[color]++
				mu.Unlock()
			}
		})
	}
	working.Wait()
	return got
}

// chance is the probability of so many hits among n, or of a number that is at least as unlikely,
// where each has this share: the chi-square test with one degree of freedom.
func chance(hits, n int, share float64) float64 {
	expected := share * float64(n)
	deviation := float64(hits) - expected
	return math.Erfc(math.Sqrt(deviation * deviation / expected / (1 - share) / 2))
}

// Each request has the chance that the share says; a share of 0 sends nothing. A chance below 0.1 %
// comes once in a thousand runs, so it must come twice to count.
func TestShareByChance(t *testing.T) {
	const n, few = 20_000, 2000
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.proxy.Canary = &bluegreen.Canary{By: bluegreen.ByRandom}
		s.colors()
		a, b := s.pair()
		s.ready(a, b)
		plain := func(int, *http.Request) {}
		if got := counted(few, plain, a, b); got[Blue] != few {
			t.Errorf("without a share %v answered", got)
		}
		s.weigh(Route{Sequence: 2, Color: Blue, Share: 20}, a, b)
		got := counted(n, plain, a, b)
		if got[Blue]+got[Green] == n && chance(got[Green], n, .20) < .001 {
			got = counted(n, plain, a, b)
		}
		t.Logf("of %d requests at 20 %%: %v, p = %.3f", n, got, chance(got[Green], n, .20))
		if got[Blue]+got[Green] != n || chance(got[Green], n, .20) < .001 {
			t.Errorf("of %d requests at 20 %%: %v", n, got)
		}
		s.weigh(Route{Sequence: 3, Color: Blue, Share: 0}, a, b)
		if got := counted(few, plain, a, b); got[Blue] != few {
			t.Errorf("with a share of 0 again %v answered", got)
		}
	})
}

// The same client, cookie or header meets the same color each time, and whoever was on the new
// color stays there when its share grows.
func TestShareOfTheSame(t *testing.T) {
	const n = 300
	cookie := func(i int, r *http.Request) { r.AddCookie(&http.Cookie{Name: "sid", Value: fmt.Sprint("session-", i)}) }
	header := func(i int, r *http.Request) { r.Header.Set("X-User", fmt.Sprint("user ", i, ", of all")) }
	client := func(i int, r *http.Request) {
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.%d.%d, 10.1.1.1", i/250, i%250))
	}
	for _, c := range []struct {
		canary bluegreen.Canary
		change func(i int, r *http.Request)
	}{
		{bluegreen.Canary{By: bluegreen.ByCookie, Name: "sid"}, cookie},
		{bluegreen.Canary{By: bluegreen.ByHeader, Name: "X-User"}, header},
		{bluegreen.Canary{By: bluegreen.ByClient}, client},
	} {
		t.Run(c.canary.By, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				s.proxy.Canary = &c.canary
				s.colors()
				a, b := s.pair()
				s.ready(a, b)
				on := map[int]bool{} // the new color
				for step, share := range []int{5, 25, 50} {
					s.weigh(Route{Sequence: uint64(step + 2), Color: Blue, Share: share}, a, b)
					for i := range n {
						for _, p := range []*running{a, b} {
							request, _ := http.NewRequest(http.MethodGet, p.url("/"), nil)
							c.change(i, request)
							color := answerTo(http.DefaultClient, request)
							if color != Blue && color != Green {
								t.Fatalf("%d: %s", i, color)
							}
							if p == b && on[i] != (color == Green) {
								t.Fatalf("%d at %d %%: the second proxy sends it to %s", i, share, color)
							}
							if on[i] && color != Green {
								t.Fatalf("%d was on green, and at %d %% it is not", i, share)
							}
							on[i] = color == Green
						}
					}
					hits := 0
					for _, green := range on {
						if green {
							hits++
						}
					}
					if p := chance(hits, n, float64(share)/100); p < .001 { // the values are the same in each run
						t.Errorf("%d of %d are on green at %d %% (p = %g)", hits, n, share, p)
					}
				}
				s.flip(9, Green, a, b)
				if got := counted(n, c.change, a, b); got[Green] != n {
					t.Errorf("after the flip %v answered", got)
				}
			})
		})
	}
}

// A color with a share and without a task gets nothing: the active one answers. One that has both
// keeps serving when its only task is replaced.
func TestShareOfNobody(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.proxy.Canary = &bluegreen.Canary{By: bluegreen.ByRandom}
		s.colors()
		a, b := s.pair()
		s.ready(a, b)
		s.weigh(Route{Sequence: 2, Color: Blue, Share: 50}, a, b)
		plain := func(int, *http.Request) {}
		if got := counted(200, plain, a, b); got[Blue] == 0 || got[Green] == 0 || got[Blue]+got[Green] != 200 {
			t.Errorf("at 50 %%: %v", got)
		}
		s.dns.set("tasks.web-green")
		eventually(t, slower*10*time.Second, "green has no task", func() bool { return !s.knows(a, Green) && !s.knows(b, Green) })
		if got := counted(200, plain, a, b); got[Blue] != 200 {
			t.Errorf("without a task of green: %v", got)
		}
		third := s.start(3, "1:blue") // an old label: it takes route and share from its peers
		s.dns.set("tasks.web-green", s.addr(21))
		s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3))
		s.ready(third)
		eventually(t, slower*10*time.Second, "green has a share of the third proxy", func() bool { return counted(20, plain, third)[Green] > 0 })
	})
}
