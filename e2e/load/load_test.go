package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

type server struct {
	*httptest.Server
	version atomic.Value
	posts   atomic.Int64
	broken  atomic.Bool
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.version.Store("v1")
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.broken.Load() {
			http.Error(w, "sorry", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("X-Version", s.version.Load().(string))
		if r.Method == http.MethodPost {
			s.posts.Add(1)
			io.Copy(w, r.Body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) addr() string { return s.Listener.Addr().String() }

func TestLoad(t *testing.T) {
	a, b := newServer(t), newServer(t)
	l := Start(t.Context(), Options{Targets: []string{a.addr(), b.addr()}, KeepAlive: 0.5, Post: 0.25, Rate: 2000})
	if err := l.Await(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	a.version.Store("v2")
	b.version.Store("v2")
	flipped := time.Now()
	if err := l.Await(t.Context(), "v2"); err != nil {
		t.Fatal(err)
	}
	s := l.Stop()
	t.Log(s)
	if s.Failed != 0 || s.Versions["v1"] == 0 || s.Targets[b.addr()]["v2"] == 0 {
		t.Errorf("want answers of both and no failure: %v", s)
	}
	if n := a.posts.Load() + b.posts.Load(); int(n) != s.PostsOK || n == 0 {
		t.Errorf("servers saw %d POSTs: %v", n, s)
	}
	// When the load ends, each worker may give up one number that was its turn, POST or not.
	if off := s.Posts - s.Total/4; max(off, -off) > len(l.workers) {
		t.Errorf("want a quarter of POSTs: %v", s)
	}
	if after := l.Since(flipped); after.Versions["v1"] != 0 || after.Versions["v2"] == 0 {
		t.Errorf("v1 answered requests begun after the flip: %v", after)
	}
}

// A load that rests uses its share of what the servers can do: a slow one gets fewer requests, and
// nothing is made up for.
func TestRest(t *testing.T) {
	var asked atomic.Int64
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		time.Sleep(20 * time.Millisecond) // this is what the server is like
		w.Header().Set("X-Version", "v1")
	}))
	defer slow.Close()
	began := time.Now()
	l := Start(t.Context(), Options{Targets: []string{slow.Listener.Addr().String()}, Workers: 4, Rate: 1e6, Rest: 4})
	if _, err := l.AwaitRequests(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	s := l.Stop()
	// Each worker is busy for a fifth of the time at most, 20 ms for each request at least.
	if most := 4 * (time.Since(began).Seconds()/0.1 + 1); s.Failed > 0 || float64(s.Total) > most || asked.Load() != int64(s.Total) {
		t.Errorf("%d requests, at most %.0f can be right: %s", asked.Load(), most, s)
	}
	l = &Load{options: Options{Rate: 10, Rest: 1}}
	l.due = time.Now().Add(-time.Hour)
	if first, second := l.dueOf(0), l.dueOf(1); time.Since(first) > time.Minute || second.Sub(first) != 100*time.Millisecond {
		t.Errorf("after an hour without a request they are due at %s and %s", first, second)
	}
}

func TestFailures(t *testing.T) {
	a := newServer(t)
	l := Start(t.Context(), Options{Targets: []string{a.addr()}, KeepAlive: 1, Workers: 2})
	if err := l.Await(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	a.CloseClientConnections() // idle or not: what had been begun fails, the rest connects again
	a.broken.Store(true)
	for l.Since(time.Time{}).Failed < 100 {
		time.Sleep(time.Millisecond)
	}
	a.Close()
	s := l.Stop()
	if len(s.Failures) != maxFailures || !strings.Contains(s.String(), "503 Service Unavailable") {
		t.Errorf("%v", s)
	}
}

func TestTCP(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() { fmt.Fprintln(c, "v1"); io.Copy(c, c); c.Close() }()
		}
	}()
	l := Start(t.Context(), Options{Targets: []string{ln.Addr().String()}, TCP: true})
	if err := l.Await(t.Context(), "v1"); err != nil {
		t.Fatal(err)
	}
	if s := l.Stop(); s.Failed > 0 || s.Posts > 0 {
		t.Error(s)
	}
}
