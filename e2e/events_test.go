//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/breaker"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
)

const heard = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: 8785, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {health: {path: /}, drain: 5s, timeout: 5m, keep: warm, proxy: {image: "haproxy:newest"}}
`

// Who listens hears of each command what it did, from before the stack is there until it is gone,
// and goes on when its connection is cut. Ctrl-C ends it with 0.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := newStack(t, heard)
	b := breaker.New(strings.TrimPrefix(s.at.Host(), "unix://"))
	t.Cleanup(b.Close)
	p := s.start([]string{"DOCKER_HOST=" + b.Host()}, "events", "--format", "json")
	l := &listened{stack: s, process: p}
	s.eventually("it listens", func() bool {
		return slices.ContainsFunc(b.Calls(), func(call string) bool { return strings.HasSuffix(call, "/events") })
	})
	s.up("v1")
	l.tells("locked up", "began blue 1 up app:v1", "moved blue 1 up", "unlocked up")
	s.up("v2")
	l.tells("locked up", "began green 2 up app:v2", "moved green 2 up", "unlocked up")
	s.must("flip")
	l.tells("locked flip", "moved blue 1 flip", "unlocked flip")
	s.must("rollback", "--reason", "too slow")
	l.tells("locked rollback", "moved green 2 rollback", "rolled back blue 1 rollback too slow", "unlocked rollback")
	b.Cut()
	l.tells("disconnected", "connected")
	s.exits(s.runEnv([]string{"V=v2-exit"}, "up"), 3)
	l.tells("locked up", "began blue 3 up app:v2-exit", "failed blue 3 up", "restored blue 1 up app:v1", "unlocked up")
	s.must("pause")
	l.tells("locked pause", "paused green 2 pause", "unlocked pause")
	s.must("resume")
	l.tells("locked resume", "live green 2 resume", "unlocked resume")
	s.must("down")
	l.tells("locked down", "removed blue 1 down", "removed down", "removed green 2 down", "unlocked down")
	for _, want := range []string{"-green.1", "-green.2", "web.n2", "web.n3"} {
		if !strings.Contains(l.ready, want+" ") {
			t.Errorf("it did not tell that %s is ready, but %s", want, l.ready)
		}
	}
	if code := p.end(syscall.SIGINT); code != 0 {
		t.Errorf("after Ctrl-C: %s", p)
	}
}

// listened is a stack, and a process that tells of it as JSON.
type listened struct {
	*stack
	process *process
	lines   int    // that were read
	ready   string // tasks of which it was told
}

// tells fails the test unless these are what was told since the last call, in any order but for the
// first and the last. Tasks, and the numbers of tasks, come when they like.
func (l *listened) tells(want ...string) {
	l.t.Helper()
	var got []string
	last := want[len(want)-1]
	l.eventually("it tells "+last, func() bool {
		lines := strings.SplitAfter(l.process.out.String(), "\n")
		for _, line := range lines[l.lines : len(lines)-1] {
			l.lines++
			var e feed.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				l.t.Fatalf("%s: %v", line, err)
			}
			switch e.What {
			case feed.Ready:
				l.ready += e.Task + " "
			case feed.TaskFailed, feed.Proxies, feed.Started, feed.Scaled, feed.Stopped:
			default:
				got = append(got, told(e))
			}
		}
		return slices.Contains(got, last)
	})
	if got[0] != want[0] || got[len(got)-1] != last {
		l.t.Errorf("it tells %q", got)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.t.Errorf("it tells\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// told is an event without what is by chance.
func told(e feed.Event) string {
	text := e.Text
	if e.What == feed.Failed || e.What == feed.Disconnected {
		text = ""
	}
	if e.Release > 0 {
		text = fmt.Sprintf("%s %d %s %s", e.Color, e.Release, e.Command, text)
	} else {
		text = e.Command + " " + text
	}
	return strings.TrimSpace(string(e.What) + " " + strings.TrimSpace(text))
}
