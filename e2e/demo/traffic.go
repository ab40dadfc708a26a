//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// Both versions are known by the color that they are deployed on: the first one is blue.
var colors = []struct{ name, version string }{{"blue", "v1"}, {"green", "v2"}}

// Each worker rests four times as long as a request took: the traffic is a fifth of what the
// machine can do, slow as it may be.
const (
	rate    = 500 // requests/s at most
	workers = 16
	rest    = 4
	slowest = time.Minute // answer
)

// traffic is the load on the shop, which runs from its first version to the end.
type traffic struct {
	*load.Load
	screen *screen
	stop   func()
}

func startTraffic(ctx context.Context, s *screen, target string) *traffic {
	t := &traffic{screen: s, Load: load.Start(ctx, load.Options{
		Targets: []string{target}, Workers: workers, Rate: rate, Rest: rest, KeepAlive: 0.5, Post: 0.3, Timeout: slowest,
	})}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.show(ctx)
	}()
	t.stop = func() { cancel(); <-done }
	return t
}

// show keeps the counts on the screen: always fresh on a terminal, once a second elsewhere.
func (t *traffic) show(ctx context.Context) {
	every := time.Second
	if t.screen.tty {
		every = 100 * time.Millisecond
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			t.screen.show("")
			return
		case <-tick.C:
			t.screen.show(fmt.Sprintf("%5.1fs  %s", time.Since(t.screen.began).Seconds(), counts(t.Since(began))))
		}
	}
}

func counts(s load.Stats) string {
	line := ""
	for _, c := range colors {
		line += fmt.Sprintf("%-5s (%s) answered %6d    ", c.name, c.version, s.Versions[c.version])
	}
	return line + fmt.Sprintf("failed %d", s.Failed)
}

// phase is what happened to the traffic during one command, and to requests begun after it.
type phase struct {
	name  string
	took  time.Duration
	stats load.Stats
	stale int // answers of the color that is not active, to requests begun after the command returned
}

const enough = 10 * workers // requests that are looked at after a command

// during runs a command under traffic. After it only one color may answer.
func (t *traffic) during(ctx context.Context, sh *shell, version string, args ...string) (phase, error) {
	p := phase{name: args[0]}
	began := time.Now()
	var err error
	if p.took, err = sh.run(ctx, version, args...); err != nil {
		return p, err
	}
	active, err := sh.active(ctx)
	if err != nil {
		return p, err
	}
	after, err := t.AwaitRequests(ctx, enough)
	if err != nil {
		return p, err
	}
	for _, c := range colors {
		if c.name != active {
			p.stale += after.Versions[c.version]
		}
	}
	p.stats = t.Since(began)
	t.screen.say("%s took %.1fs; now %s answers; of the wrong color: %d", p.name, p.took.Seconds(), active, p.stale)
	return p, nil
}
