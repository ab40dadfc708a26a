//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// dashboardPage is an open page of a dashboard.
type dashboardPage struct {
	*stack
	base, token string
	stream      *bufio.Reader
	seen        struct {
		Status status
		Rates  map[string][]struct {
			Colors map[string]struct{ Requests, Failed float64 }
		}
	}
	last struct {
		ID    int
		Ended bool
		Code  int
		Text  string
		Steps []struct{ Step, Text string }
	}
}

func (p *dashboardPage) ask(method, path, body string) *http.Response {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	must(p.t, err)
	r.Header = http.Header{"Authorization": {"Bearer " + p.token}, "Origin": {p.base}, "Content-Type": {"application/json"}}
	answer, err := http.DefaultClient.Do(r)
	must(p.t, err)
	p.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// until follows the stream until what it shows is as it should be.
func (p *dashboardPage) until(what string, holds func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	lines := make(chan error)
	for !holds() {
		go func() {
			name := ""
			for {
				line, err := p.stream.ReadString('\n')
				if err != nil {
					lines <- err
					return
				}
				if found, ok := strings.CutPrefix(line, "event: "); ok {
					name = strings.TrimSpace(found)
				}
				data, ok := strings.CutPrefix(line, "data: ")
				switch {
				case ok && name == "stack":
					lines <- json.Unmarshal([]byte(data), &p.seen)
					return
				case ok && name == "action":
					lines <- json.Unmarshal([]byte(data), &p.last)
					return
				}
			}
		}()
		select {
		case err := <-lines:
			must(p.t, err)
		case <-ctx.Done():
			p.t.Fatalf("not within %s: %s; seen: %+v, %+v", patience, what, p.seen, p.last)
		}
	}
}

// does presses a button, and waits until its action has ended well.
func (p *dashboardPage) does(body string) {
	p.t.Helper()
	before := p.last.ID
	if a := p.ask("POST", "/api/stacks/"+p.name+"/action", body); a.StatusCode != http.StatusAccepted {
		p.t.Fatalf("%s: %s", body, a.Status)
	}
	p.until(body+" has ended", func() bool { return p.last.ID > before && p.last.Ended })
	if p.last.Code != 0 || len(p.last.Steps) == 0 {
		p.t.Errorf("%s: exit code %d, %s, %+v", body, p.last.Code, p.last.Text, p.last.Steps)
	}
}

// The dashboard shows what the swarm and its proxies say while there is traffic, and moves it as
// the commands do: no request fails. When it ends nothing is left of it.
func TestDashboardUnderLoad(t *testing.T) {
	t.Parallel()
	s := newStack(t, strings.NewReplacer("8795", "8797", "9080, published: 8796", "9080, published: 8798").Replace(manual))
	s.up("v1")
	s.says(s.up("v2"), "release 2 waits on green")
	l := s.load(8797, load.Options{Rate: 100, KeepAlive: 0.5, Post: 0.3})
	before := s.objects()

	d := s.start(nil, "dashboard")
	address := regexp.MustCompile(`(http://127\.0\.0\.1:\d+)/#token=(\w+)`)
	s.eventually("the address is printed", func() bool { return address.MatchString(d.out.String()) })
	found := address.FindStringSubmatch(d.out.String())
	p := &dashboardPage{stack: s, base: found[1], token: found[2]}
	p.stream = bufio.NewReader(p.ask("GET", "/api/events?stack="+s.name, "").Body)
	green := func() string { return serviceOf(p.seen.Status, "web").Route.Active }
	p.until("blue has all requests, and none fails", func() bool {
		for _, r := range p.seen.Rates["web"] {
			if r.Colors["blue"].Requests > 10 && r.Colors["blue"].Failed == 0 && r.Colors["green"].Requests == 0 {
				return green() == "blue"
			}
		}
		return false
	})
	p.does(`{"do":"promote","services":["web"]}`)
	await(t, l, "v2")
	p.until("green has all requests", func() bool {
		rates := p.seen.Rates["web"]
		return green() == "green" && len(rates) > 0 && rates[len(rates)-1].Colors["green"].Requests > 10 && rates[len(rates)-1].Colors["blue"].Requests == 0
	})
	p.does(`{"do":"pause","services":["web"]}`)
	p.until("requests wait", func() bool { return serviceOf(p.seen.Status, "web").Route.State == "paused" })
	p.does(`{"do":"resume","services":[]}`)
	p.does(`{"do":"rollback","services":["web"],"reason":"orders are lost"}`)
	await(t, l, "v1")
	p.until("blue is active", func() bool { return green() == "blue" })

	if code := d.end(syscall.SIGINT); code != 0 {
		t.Errorf("the dashboard ended with %d\n%s", code, d.out)
	}
	s.settled(l, "v1")
	s.zeroFailed(l.Stop())
	if after := s.objects(); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("the dashboard left %v, before it were %v", after, before)
	}
	s.says(s.must("history", "web"), "rolled back: orders are lost")
}
