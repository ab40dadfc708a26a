package swarm

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// The blue-green services of all stacks, each with what it does now, in two calls.
func TestStacks(t *testing.T) {
	inMemory(t, func(m *memory) {
		empty, err := m.operator().Stacks(m.t.Context())
		m.must(err)
		if text, _ := json.Marshal(empty); string(text) != `{"services":[]}` {
			m.t.Errorf("an empty swarm is %s", text)
		}
		m.must(m.up(version("1")))
		m.must(m.up(options(version("2"), "{promote: manual, canary: {}}")))
		m.must(m.operator().Canary(m.t.Context(), plan.FlipOptions{Share: 10}))
		other := New(m.Engine(), "other", nil)
		began := time.Now()
		s, err := other.Stacks(m.t.Context())
		m.must(err)
		var lines []string
		for _, svc := range s.Services {
			if svc.Flipped == nil || svc.Flipped.After(began) {
				m.t.Errorf("%s was flipped at %v", svc.Service, svc.Flipped)
			}
			svc.Flipped = nil
			lines = append(lines, fmt.Sprintf("%+v", svc))
		}
		want := fmt.Sprintf("%+v", StackService{Stack: "shop", Service: "web", Active: string(cluster.Blue), Release: 1, Image: "shop/web:1", Idle: 2, Waiting: true, Share: 10, Ready: 3, Wanted: 3})
		if got := strings.Join(lines, "\n"); got != want {
			m.t.Errorf("the stacks are\n%s\nwant\n%s", got, want)
		}
		m.Calls()
		_, err = other.Stacks(m.t.Context())
		m.must(err)
		if calls := m.Calls(); len(calls) != 2 {
			m.t.Errorf("it takes %v", calls)
		}
	})
}

// A line of a log is taken apart as the engine sends it.
func TestParseLog(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	for text, want := range map[string]struct {
		line LogLine
		task string
	}{
		"2026-03-01T12:00:00.000000005Z com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1 GET / 200":    {LogLine{At: at, Text: "GET / 200"}, "t1"},
		"2026-03-01T12:00:00.000000005Z a=b,com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1,z=y  two": {LogLine{At: at, Text: " two"}, "t1"},
		"2026-03-01T12:00:00.000000005Z no details":                   {LogLine{At: at, Text: "no details"}, ""},
		"error from daemon in stream: Error grabbing logs: rpc error": {LogLine{Text: "error from daemon in stream: Error grabbing logs: rpc error"}, ""},
		"2026-03-01T12:00:00.000000005Z com.docker.swarm.task.id=t1 ": {LogLine{At: at}, "t1"},
	} {
		if line, task := parseLog(text); line != want.line || task != want.task {
			t.Errorf("%q is %+v of %q", text, line, task)
		}
	}
}

// Which tasks are meant by names and colors.
func TestLogged(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		for name, tc := range map[string]struct {
			opts LogOptions
			want string
		}{
			"all":           {LogOptions{}, "shop_db shop_web-blue shop_web-green"},
			"one":           {LogOptions{Services: []string{"web"}}, "shop_web-blue shop_web-green"},
			"active":        {LogOptions{Color: LogsActive}, "shop_web-green"},
			"idle":          {LogOptions{Color: LogsIdle, Services: []string{"web"}}, "shop_web-blue"},
			"a color":       {LogOptions{Color: "blue"}, "shop_web-blue"},
			"proxies":       {LogOptions{Color: LogsProxy}, "shop_web"},
			"a plain color": {LogOptions{Color: LogsIdle, Services: []string{"db"}}, "service db of stack shop is not blue-green: leave --color out"},
			"unknown":       {LogOptions{Services: []string{"shop"}}, "stack shop has no service shop: it has db, web"},
		} {
			s, err := m.operator().ex.Observe(m.t.Context())
			m.must(err)
			services, err := logged(s, tc.opts)
			var names []string
			for _, svc := range services {
				names = append(names, svc.Spec.Name)
			}
			got := strings.Join(names, " ")
			if err != nil {
				got = err.Error()
			}
			if got != tc.want {
				m.t.Errorf("%s: %s, want %s", name, got, tc.want)
			}
		}
	})
}
