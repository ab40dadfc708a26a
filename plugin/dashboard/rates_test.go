package dashboard

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// Rates are what proxies have counted between two looks; one that is new, silent or began anew
// counts from its next answer on.
func TestRates(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMeter(func() time.Time { return at })
	look := func(after time.Duration, counts map[string][2]int) string {
		at = at.Add(after)
		svc := swarm.ServiceStatus{Name: "web"}
		for task, n := range counts {
			svc.Proxies = append(svc.Proxies, swarm.ProxyStatus{Task: task, Counted: map[string]swarm.ProxyCount{"green": {Requests: n[0], Failed: n[1]}}})
		}
		svc.Proxies = append(svc.Proxies, swarm.ProxyStatus{Task: "silent", Error: "no answer"})
		before := len(m.kept["web"])
		m.add(&swarm.Status{Services: []swarm.ServiceStatus{svc}})
		if len(m.kept["web"]) == before {
			return "nothing"
		}
		return fmt.Sprint(m.rates()["web"][before].Colors["green"])
	}
	for i, c := range []struct {
		after  time.Duration
		counts map[string][2]int
		want   string
	}{
		{0, map[string][2]int{"a": {1000, 7}}, "nothing"},
		{5 * time.Second, map[string][2]int{"a": {1100, 8}, "b": {500, 0}}, "{20 0.2}"},
		{5 * time.Second, map[string][2]int{"a": {1100, 8}, "b": {550, 0}}, "{10 0}"},
		{5 * time.Second, map[string][2]int{"a": {20, 0}, "b": {600, 0}}, "{10 0}"}, // a began anew
		{5 * time.Second, map[string][2]int{"a": {30, 0}}, "{2 0}"},
		{2 * time.Minute, map[string][2]int{"a": {9000, 0}}, "nothing"}, // no page was open
		{2 * time.Second, map[string][2]int{"a": {9003, 1}}, "{1.5 0.5}"},
	} {
		if got := look(c.after, c.counts); got != c.want {
			t.Errorf("look %d: %s, want %s", i, got, c.want)
		}
	}
	for range 100 {
		look(time.Second, map[string][2]int{"a": {9003, 1}})
	}
	if n := len(m.rates()["web"]); n != keptRates {
		t.Errorf("%d rates are kept", n)
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{20 * time.Second, keptRates}, {time.Second, 0}} {
		at = at.Add(c.after)
		if n := len(m.rates()["web"]); n != c.want {
			t.Errorf("%v later, %d rates are those of now, want %d", c.after, n, c.want)
		}
	}
}

// Browsers leave out port 80 only.
func TestOurs(t *testing.T) {
	for _, c := range []struct {
		listens, host string
		want          bool
	}{
		{"127.0.0.1:80", "127.0.0.1", true},
		{"127.0.0.1:80", "localhost", true},
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "evil.example", false},
		{"127.0.0.1:80", "127.0.0.1:8600", false},
		{"127.0.0.1:80", "", false},
		{"127.0.0.1:8600", "localhost:8600", true},
		{"127.0.0.1:8600", "127.0.0.1", false},
		{"127.0.0.1:8600", "127.0.0.1:80", false},
		{"127.0.0.1:8600", "localhost:86000", false},
		{"127.0.0.1:8080", "127.0.0.1:80", false},
	} {
		if got := ours(c.listens, c.host); got != c.want {
			t.Errorf("a server at %s, asked as %q: %t", c.listens, c.host, got)
		}
	}
}

// Wrong tokens are forgotten one after the other.
func TestTriesAreForgotten(t *testing.T) {
	var tries tries
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for i := range 10 {
		if !tries.allow(false, at) {
			t.Errorf("try %d is refused", i)
		}
	}
	if tries.allow(true, at) || tries.allow(true, at.Add(5*time.Second)) || !tries.allow(true, at.Add(7*time.Second)) {
		t.Error("after 10 wrong ones, the next is in 6 seconds")
	}
}
