package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard"
	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard/dashboardtest"
)

// site is a dashboard that runs, and one of its pages.
type site struct {
	*testing.T
	fake   *dashboardtest.Fake
	server *dashboard.Server
	base   string // such as http://127.0.0.1:40123
	token  string
	client *http.Client
	served chan error   // what Serve returned
	end    func() error // as Ctrl-C; gives what Serve returned
}

func serve(t *testing.T, change func(*dashboard.Options)) *site {
	t.Helper()
	return serveAt(t, time.Now, change)
}

// serveAt is serve with another clock.
func serveAt(t *testing.T, now func() time.Time, change func(*dashboard.Options)) *site {
	t.Helper()
	s := &site{T: t, fake: dashboardtest.New(noon), client: &http.Client{Transport: &http.Transport{}}}
	o := s.fake.Options()
	if change != nil {
		change(&o)
	}
	var err error
	if s.server, err = dashboard.Listen(0, o); err != nil {
		t.Fatal(err)
	}
	var found bool
	if s.base, s.token, found = strings.Cut(s.server.URL(), "/#token="); !found || len(s.token) < 26 { // 5 bits each: 130
		t.Fatalf("the address is %s", s.server.URL())
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.server.Clock(now)
	s.served = make(chan error, 1)
	go func() { s.served <- s.server.Serve(ctx) }()
	s.end = func() error { cancel(); err := <-s.served; s.served <- err; return err }
	t.Cleanup(func() { s.client.CloseIdleConnections(); cancel(); <-s.served })
	return s
}

// ask sends a request with the token and what browsers add; change makes it another one.
func (s *site) ask(method, path, body string, change func(*http.Request)) (code int, text string, header http.Header) {
	s.Helper()
	r := s.request(method, path, body)
	if change != nil {
		change(r)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer.StatusCode, string(all), answer.Header
}

func (s *site) request(method, path, body string) *http.Request {
	r, err := http.NewRequestWithContext(s.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method != http.MethodGet {
		r.Header.Set("Origin", s.base)
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// message is one of the stream.
type message struct{ name, data string }

// listen follows the stream of a page until close.
func (s *site) listen(query string) (messages <-chan message, closed func()) {
	s.Helper()
	r := s.request(http.MethodGet, "/api/events"+query, "")
	ctx, cancel := context.WithCancel(s.Context())
	answer, err := s.client.Do(r.WithContext(ctx))
	if err != nil {
		s.Fatal(err)
	}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
		s.Fatalf("the stream is %d %s", answer.StatusCode, kind)
	}
	c := make(chan message, 1000)
	go func() {
		defer close(c)
		in := bufio.NewReader(answer.Body)
		for {
			var m message
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				line = strings.TrimSuffix(line, "\n")
				if line == "" {
					break
				}
				if name, ok := strings.CutPrefix(line, "event: "); ok {
					m.name = name
				}
				if data, ok := strings.CutPrefix(line, "data: "); ok {
					m.data = data
				}
			}
			c <- m
		}
	}()
	s.Cleanup(func() { cancel(); answer.Body.Close() })
	return c, cancel
}

// until reads messages until one of that name satisfies a condition. It never gives up: go test
// does, and shows where.
func until[V any](t *testing.T, messages <-chan message, name string, holds func(V) bool) V {
	t.Helper()
	for m := range messages {
		var v V
		if m.name != name {
			continue
		}
		if err := json.Unmarshal([]byte(m.data), &v); err != nil {
			t.Fatalf("%v: %s", err, m.data)
		}
		if holds(v) {
			return v
		}
	}
	t.Fatalf("the stream ended, and no %s is as it should be", name)
	panic("not reached")
}

// noon is what clocks of tests show.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
