package haproxy

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// The tasks of two releases listen on different ports. Either port of the proxies leads to
// whichever is active: the swarm publishes the new one as soon as the proxies have it, and goes on
// when the traffic has gone back.
func TestOtherPort(t *testing.T) {
	const port = 9090
	for _, mode := range []string{bluegreen.ModeHTTP, bluegreen.ModeTCP} {
		t.Run(mode, func(t *testing.T) {
			eachHAProxy(t, func(t *testing.T, h installed) {
				s := newSite(t, h)
				green := s.proxy.Colors[Green]
				green.Ports = []bluegreen.Port{{Target: port, Mode: mode}}
				s.proxy.Colors[Green] = green
				s.startApp(11, Blue)
				s.startAppOn(21, Green, port)
				s.dns.set("tasks.web-blue", s.addr(11))
				s.dns.set("tasks.web-green", s.addr(21))
				a, b := s.pair()
				leads := func(color string) {
					t.Helper()
					for _, p := range []*running{a, b} {
						for _, on := range []int{testPort, port} {
							if got := get(fmt.Sprintf("http://%s:%d/", p.addr, on)); got != color {
								t.Errorf("port %d of %s leads to %q, want %s", on, p.addr, got, color)
							}
						}
					}
				}
				leads(Blue)
				report, _ := s.order(Order{Proxies: s.proxies(a, b), Wait: slower * 20 * time.Second, Routes: map[string]Route{"web": {Sequence: 2, Color: Green}},
					Until: []Condition{{Service: "web", Color: Green, Want: Ready, Addrs: []string{s.addr(21)}}}})
				if !report.Met {
					t.Error("green is not ready")
				}
				leads(Green)
				s.flip(3, Blue, a, b)
				leads(Blue)
			})
		})
	}
}
