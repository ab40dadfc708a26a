package traffic

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Answer is what came of an order, and what it waits for while it runs.
type Answer struct {
	haproxy.Report
	Names    map[haproxy.ProxyAddr]string
	progress *steady
	// lacking is what each proxy still lacks, by the server concerned.
	lacking map[haproxy.ProxyAddr]map[string]string
}

// NewAnswer returns the answer to an order that these proxies get, before any of them has answered.
func NewAnswer(proxies []cluster.ProxyTask, progress func(string)) *Answer {
	a := &Answer{Names: map[haproxy.ProxyAddr]string{}, progress: &steady{emit: progress}, lacking: map[haproxy.ProxyAddr]map[string]string{}}
	for _, p := range proxies {
		a.Names[haproxy.ProxyAddr{Service: p.Service, Addr: p.Addr}] = p.Name + " on " + p.Node
	}
	return a
}

// steadyAfter is how long something must have been lacking until it is told: most is over at once.
const steadyAfter = time.Second

// steady tells a sentence once it has stood for a while.
type steady struct {
	emit  func(string)
	timer *time.Timer
}

func (s *steady) set(text string) {
	s.stop()
	if s.emit != nil && text != "" {
		s.timer = time.AfterFunc(steadyAfter, func() { s.emit(text) })
	}
}

func (s *steady) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// line takes in one line that the control job printed.
func (a *Answer) line(text string) error {
	p, err := a.Add(text)
	if err != nil {
		return err
	}
	if a.Err != "" {
		return &JobError{"control job: " + a.Err}
	}
	if p == nil {
		return nil
	}
	if p.Met {
		delete(a.lacking, p.ProxyAddr)
		a.progress.set(a.Unmet())
		return nil
	}
	if a.lacking[p.ProxyAddr] == nil {
		a.lacking[p.ProxyAddr] = map[string]string{}
	}
	a.lacking[p.ProxyAddr][p.What] = strings.TrimSpace(p.What + " " + p.Why)
	a.progress.set(a.Unmet())
	return nil
}

// Unmet says what the proxies lack, in words; empty when they lack nothing.
func (a *Answer) Unmet() string {
	var parts []string
	for addr, what := range a.lacking {
		parts = append(parts, a.Names[addr]+": "+strings.Join(slices.Sorted(maps.Values(what)), ", "))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ")
}
