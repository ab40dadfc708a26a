//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
	core "github.com/docker-bluegreen/docker-bluegreen/swarm"
)

const written = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    configs: [conf]
    ports: [{target: 8080, published: 8794, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {health: {path: "${HEALTH:-/}"}, drain: 5s, timeout: 5m, proxy: {image: "haproxy:newest"}}
configs: {conf: {content: "for ${V}"}}
`

// An earlier release comes back without its file, with the config that it had, while requests go
// on; also when the command that brings it is killed half-way. The history tells what came of each.
func TestHistory(t *testing.T) {
	t.Parallel()
	s := newStack(t, written)
	s.up("v1")
	conf := s.confOf("blue")
	s.up("v2")
	l := s.load(8794, load.Options{Rate: 100, KeepAlive: 0.5, Post: 0.3, Timeout: 30 * time.Second})
	s.exits(s.runEnv([]string{"V=v2-exit"}, "up"), 3)
	s.says(s.must("rollback", "--reason", "orders are lost"), "requests meanwhile (", "), 0 failed")
	s.settled(l, "v1")
	s.up("v3")
	s.up("v4")
	s.settled(l, "v4")

	s.says(s.exits(s.run("rollback", "--to", "9", "web"), 1), "release 9 is not in the history, which has 5, 4, 3, 2, 1")
	s.says(s.must("rollback", "--to", "1", "--dry-run"), "release 6: it is release 1 again")
	p := s.start(nil, "rollback", "--to", "1")
	s.eventually("its color starts", func() bool { return strings.Contains(p.out.String(), "starting release 6") })
	p.end(syscall.SIGKILL)
	await(t, l, "v4")
	s.must("rollback", "--to", "1", "--reason", "prices are wrong")
	s.settled(l, "v1")
	if got := s.confOf(s.active("web")); got != conf {
		t.Errorf("release 1 again has the config %s, and not %s", got, conf)
	}
	st := l.Stop()
	s.zeroFailed(st)

	var h core.History
	must(t, json.Unmarshal([]byte(s.must("history", "web", "--format", "json").out), &h))
	// What was killed may have been written down, and not begun.
	h.Releases = slices.DeleteFunc(h.Releases, func(r core.ReleaseHistory) bool { return r.Outcome == "given up" && r.Again == 1 })
	var got []string
	for _, r := range h.Releases {
		got = append(got, fmt.Sprintf("%s %s", r.Image, strings.TrimSpace(r.Outcome+" "+r.Cause)))
	}
	want := []string{"app:v1 active", "app:v4 rolled back prices are wrong", "app:v3 replaced", "app:v2-exit failed " + h.Releases[3].Cause, "app:v2 rolled back orders are lost", "app:v1 replaced"}
	for _, r := range h.Releases {
		for _, e := range r.Log {
			if e.What == "rolled back" && !strings.Contains(e.Receipt, ", 0 failed") {
				t.Errorf("release %d: %+v", r.Release, e)
			}
		}
	}
	if !slices.Equal(got, want) || h.Releases[0].Again != 1 || h.Releases[3].Cause == "" {
		t.Errorf("the history is %q, want %q", got, want)
	}
	color := s.active("web")
	s.says(s.must("logs", "--color", "active", "web"), "web-"+color+".1 | ", "version v1 starts")
	if r := s.must("logs", "--color", "proxy", "--tail", "5"); strings.Contains(r.out, "version v") || !strings.Contains(r.out, "web.n") {
		t.Errorf("the proxies print %s", r.out)
	}
	s.says(s.must("ls"), s.name, "-> "+color, "app:v1")
	table := s.must("history")
	t.Log(table.out)
	s.says(table, "rolled back: orders are lost", "rolled back: prices are wrong", "active (release 1 again)")
}

// confOf is the config of a color.
func (s *stack) confOf(color string) string {
	s.t.Helper()
	return s.service("web-" + color).Spec.TaskTemplate.ContainerSpec.Configs[0].ConfigName
}
