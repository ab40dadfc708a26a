package haproxy

import (
	"net/http"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// What it costs that requests are chosen for a share, and that a guard watches: compare the time of
// a request with that without.
func BenchmarkShare(b *testing.B) {
	guard := &bluegreen.Guard{Bake: time.Hour, Window: 10 * time.Second, Errors: 100, Latency: time.Hour, Requests: 20}
	for _, c := range []struct {
		name   string
		canary *bluegreen.Canary
		guard  *bluegreen.Guard
		route  Route
	}{
		{"none", nil, nil, Route{Sequence: 2, Color: Blue}},
		{"random", &bluegreen.Canary{By: bluegreen.ByRandom}, nil, Route{Sequence: 2, Color: Blue, Share: 25}},
		{"cookie", &bluegreen.Canary{By: bluegreen.ByCookie, Name: "sid"}, nil, Route{Sequence: 2, Color: Blue, Share: 25}},
		{"guard", nil, guard, watched(2, Blue)},
		{"cookie and guard", &bluegreen.Canary{By: bluegreen.ByCookie, Name: "sid"}, guard, Route{Sequence: 2, Color: Blue, Share: 25, Guard: Guard{On: true}}},
	} {
		for _, h := range haproxies(b) {
			b.Run(c.name+"/"+h.name, func(b *testing.B) {
				s := newSite(b, h)
				s.proxy.Canary, s.proxy.Guard, s.proxy.Guards = c.canary, c.guard, "tasks.guards"
				s.colors()
				s.dns.set("tasks.proxies", s.addr(1))
				p := s.start(1, "1:blue")
				s.ready(p)
				s.weigh(c.route, p)
				b.RunParallel(func(pb *testing.PB) {
					client := &http.Client{Transport: &http.Transport{}}
					for pb.Next() {
						request, _ := http.NewRequest(http.MethodGet, p.url("/"), nil)
						request.AddCookie(&http.Cookie{Name: "sid", Value: "a"})
						if color := answerTo(client, request); color != Blue && color != Green {
							b.Error(color)
						}
					}
				})
			})
		}
	}
}
