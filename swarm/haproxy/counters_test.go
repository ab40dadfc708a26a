package haproxy

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// A job says what each proxy had counted when it was asked first, and at the end: requests, those
// that failed, those that waited in a pause, and the slowest.
func TestCounters(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		if first := s.report(a); first.Ended.Colors[Blue].Requests != 0 || first.Ended.Held != 0 {
			t.Errorf("before any request it is %+v", first.Ended)
		}
		path := func(p string) func(int, *http.Request) { return func(_ int, r *http.Request) { r.URL.RawQuery = p } }
		counted(20, path(""), a)
		counted(3, path("blue=500"), a)
		counted(1, path("blue=300ms"), a)
		s.weigh(Route{Sequence: 2, Color: Blue, State: State{Kind: Hold, Seconds: 60}}, a, b)
		var waiting sync.WaitGroup
		waiting.Go(func() { counted(4, path(""), a) })
		eventually(t, 20*time.Second, "4 requests wait", func() bool { return s.report(a).Ended.Held == 4 })
		report, _ := s.order(Order{Proxies: s.proxies(a, b), Routes: map[string]Route{"web": {Sequence: 3, Color: Green}}})
		waiting.Wait()
		began := report.Proxies[0].Began
		if got := began.Colors[Blue]; got.Requests != 24 || got.Failed != 3 || got.Slowest < 300*time.Millisecond || got.Slowest > 10*time.Second || began.Held != 4 || began.Colors[Green].Requests != 0 {
			t.Errorf("at the beginning of the job it is %+v", began)
		}
		if got := s.report(a).Ended; got.Colors[Green].Requests != 4 || got.Colors[Blue].Requests != 24 || got.Held != 4 {
			t.Errorf("at the end it is %+v", got)
		}
		if other := s.report(b).Ended; other.Colors[Blue].Requests+other.Colors[Green].Requests != 0 {
			t.Errorf("the other proxy has counted %+v", other)
		}
	})
}

// On ports of mode tcp connections count.
func TestCountersOfBytes(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = bluegreen.ModeTCP })
		s.colors()
		a, _ := s.pair()
		for range 5 {
			counted(1, func(int, *http.Request) {}, a)
		}
		if got := s.report(a).Ended.Colors[Blue]; got.Requests != 5 || got.Failed != 0 {
			t.Errorf("of mode tcp it is %+v", got)
		}
	})
}
