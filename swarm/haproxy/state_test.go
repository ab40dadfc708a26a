package haproxy

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

func paused(sequence uint64, seconds int) Route {
	return Route{Sequence: sequence, Color: Blue, State: State{Kind: Hold, Seconds: seconds}}
}

// waiting is how many requests wait in a proxy: they are in its frontend, and at no color.
func (s *site) waiting(asked *requestsAsked) int {
	asked.mu.Lock()
	defer asked.mu.Unlock()
	return asked.begun - len(asked.answers)
}

// requestsAsked are requests that were made one after the other, and their answers as they came.
type requestsAsked struct {
	mu      sync.Mutex
	all     sync.WaitGroup
	begun   int
	order   []int // in which they were answered
	answers []string
}

// ask makes a request, and does not wait for its answer.
func (r *requestsAsked) ask(url string) {
	r.mu.Lock()
	n := r.begun
	r.begun++
	r.mu.Unlock()
	r.all.Go(func() {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: slower * 20 * time.Second}
		answer := ask(client, http.MethodGet, url)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.order, r.answers = append(r.order, n), append(r.answers, answer)
	})
}

// Requests wait while the route says so, in all proxies at once, and none is lost. They go on in
// the order in which they came, and to the color that is active then.
func TestPause(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		if got := counted(50, func(int, *http.Request) {}, a, b); got[Blue] != 50 {
			t.Fatalf("before %v answered", got)
		}
		s.weigh(paused(2, 600), a, b)
		asked := &requestsAsked{}
		const n = 200
		for i := range n {
			asked.ask(a.url("/"))
			eventually(t, 10*time.Second, "the request waits", func() bool { return s.held(a) >= i+1 })
		}
		asked.ask(b.url("/"))
		eventually(t, 10*time.Second, "it waits at the other proxy", func() bool { return s.held(b) >= 1 })
		if got := s.waiting(asked); got != n+1 {
			t.Errorf("%d of %d requests wait: %v", got, n+1, asked.answers)
		}
		s.weigh(Route{Sequence: 3, Color: Green, State: State{Kind: Hold, Seconds: 600}}, a, b) // a flip changes nothing of that
		s.weigh(Route{Sequence: 4, Color: Green}, a, b)
		asked.all.Wait()
		for _, answer := range asked.answers {
			if answer != Green {
				t.Errorf("a request that waited got %q", answer)
			}
		}
		away := 0
		for i, at := range slices.DeleteFunc(slices.Clone(asked.order), func(i int) bool { return i == n }) { // that of the other proxy
			away += max(i-at, at-i)
		}
		if away > n*n/6 { // in any order it would be a third; clients see the answers of a few milliseconds in any order
			t.Errorf("they were answered in the order %v", asked.order)
		}
		t.Logf("on average %.1f of %d places away from the order in which they came", float64(away)/n, n)
		if got := counted(200, func(int, *http.Request) {}, a, b); got[Green] != 200 {
			t.Errorf("after it %v answered", got)
		}
	})
}

// held is how many requests a proxy has accepted and not answered.
func (s *site) held(p *running) int {
	var n int
	body := ask(http.DefaultClient, http.MethodGet, "http://"+p.addr+":9899/state")
	for line := range strings.Lines(body) {
		fmt.Sscanf(line, "waiting %d", &n)
	}
	return n
}

// Who waits for longer than the pause may last, and who comes while the service is stopped, is told
// so, with a time to come again. A proxy that starts meanwhile does the same, whether its label
// says so or only its peers.
func TestRefused(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.colors()
		a, b := s.pair()
		refused := func(p *running, status, after, body string) {
			t.Helper()
			response, err := http.Get(p.url("/"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			if got := fmt.Sprint(response.StatusCode, " ", response.Header.Get("Retry-After"), " ", string(text)); got != status+" "+after+" "+body+"\n" {
				t.Errorf("%s answered %q", p.addr, got)
			}
		}
		s.weigh(paused(2, 1), a, b)
		refused(a, "503", "5", "Paused for too long")
		s.weigh(Route{Sequence: 3, Color: Blue, State: State{Kind: Stop, Seconds: 90, Message: "Back at ten, é"}}, a, b)
		refused(a, "503", "90", "Back at ten, é")
		s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3))
		third := s.start(3, "1:blue")
		s.ready(third)
		refused(third, "503", "90", "Back at ten, é")
		s.dns.set("tasks.proxies", s.addr(1), s.addr(2), s.addr(3), s.addr(4))
		fourth := s.start(4, "3:blue::stop-60")
		s.ready(fourth)
		refused(fourth, "503", "60", "Down for maintenance")
		s.weigh(Route{Sequence: 4, Color: Blue}, a) // the others hear of it from a
		for _, p := range []*running{a, b, third, fourth} {
			eventually(t, 20*time.Second, p.addr+" is open again", func() bool { return ask(http.DefaultClient, http.MethodGet, p.url("/")) == Blue })
		}
		s.weigh(Route{Sequence: 5, Color: Blue, State: State{Kind: Stop, Seconds: 60}}, a) // and of that
		for _, p := range []*running{b, third, fourth} {
			eventually(t, 20*time.Second, p.addr+" is closed", func() bool { return ask(http.DefaultClient, http.MethodGet, p.url("/")) == "503 Service Unavailable" })
		}
	})
}

// Connections of mode tcp wait, too, and are refused while the service is stopped.
func TestPauseOfBytes(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.eachColor(func(r *bluegreen.Release) { r.Ports[0].Mode = bluegreen.ModeTCP })
		s.colors()
		a, b := s.pair()
		s.weigh(paused(2, 600), a, b)
		asked := &requestsAsked{}
		asked.ask(a.url("/"))
		eventually(t, 10*time.Second, "the connection waits", func() bool { return s.held(a) >= 1 })
		s.weigh(Route{Sequence: 3, Color: Green}, a, b)
		asked.all.Wait()
		if asked.answers[0] != Green {
			t.Errorf("a connection that waited got %q", asked.answers[0])
		}
		s.weigh(Route{Sequence: 4, Color: Green, State: State{Kind: Stop, Seconds: 60}}, a, b)
		if got := ask(&http.Client{}, http.MethodGet, a.url("/")); !wasClosed(got) {
			t.Errorf("a connection to a stopped service got %q", got)
		}
	})
}

// Who tries a release by the port of its preview is not kept out, and a guard that trips meanwhile
// opens nothing.
func TestPreviewWhileStopped(t *testing.T) {
	eachHAProxy(t, func(t *testing.T, h installed) {
		s := newSite(t, h)
		s.proxy.Preview = bluegreen.Preview{Port: 9080, Target: testPort}
		s.colors()
		a, b := s.pair()
		s.weigh(Route{Sequence: 2, Color: Blue, State: State{Kind: Stop, Seconds: 60}}, a, b)
		if got := ask(http.DefaultClient, http.MethodGet, "http://"+a.addr+":9080/"); got != Green {
			t.Errorf("the preview got %q", got)
		}
		if got := ask(http.DefaultClient, http.MethodGet, a.url("/")); got != "503 Service Unavailable" {
			t.Errorf("the service got %q", got)
		}
	})
}
