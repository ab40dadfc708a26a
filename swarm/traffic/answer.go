package traffic

import (
	"maps"
	"slices"
	"strconv"
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
	heard    *heard
	// lacking is what each proxy still lacks, by the server concerned.
	lacking map[haproxy.ProxyAddr]map[string]string
	// settled counts what was lacking in proxies that lack nothing any more.
	settled int
	// each is told what a job that watches has counted, each second; it may be nil.
	each func(map[string]map[string]haproxy.Figures)
}

// NewAnswer returns the answer to an order that these proxies get, before any of them has answered.
func NewAnswer(proxies []cluster.ProxyTask, progress func(string)) *Answer {
	a := &Answer{Names: map[haproxy.ProxyAddr]string{}, progress: &steady{emit: progress}, heard: &heard{}, lacking: map[haproxy.ProxyAddr]map[string]string{}}
	for _, p := range proxies {
		a.Names[haproxy.ProxyAddr{Service: p.Service, Addr: p.Addr}] = p.Name + " on " + p.Node
	}
	return a
}

// restart forgets what was answered.
func (a *Answer) restart() {
	a.Report, a.settled = haproxy.Report{}, 0
	clear(a.lacking)
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
	seconds := a.Seconds
	p, err := a.Add(text)
	if err != nil {
		return err
	}
	if a.Err != "" {
		return &JobError{Text: "control job: " + a.Err}
	}
	if a.Seconds > seconds && a.each != nil {
		a.each(a.Figures)
	}
	if p == nil {
		return nil
	}
	if p.Met {
		a.settled += len(a.lacking[p.ProxyAddr])
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

// Advanced says whether fewer is lacking now than at the beginning of the order, or than the fewest
// of the orders before it, which it remembers.
func (a *Answer) Advanced(fewest *int) bool {
	began, now := 0, 0
	for addr, whats := range a.lacking {
		began += len(whats)
		for what := range whats {
			if !a.passed(addr, what) {
				now++
			}
		}
	}
	began += a.settled
	better := now < min(*fewest, began)
	*fewest = min(*fewest, now)
	return better
}

// passed says whether a proxy called a server ready at the end of the order.
func (a *Answer) passed(at haproxy.ProxyAddr, server string) bool {
	for _, p := range a.Proxies {
		if p.ProxyAddr == at && slices.ContainsFunc(p.Servers, func(s haproxy.Server) bool {
			return s.Passed() && s.Addr+":"+strconv.Itoa(int(s.Port)) == server
		}) {
			return true
		}
	}
	return false
}

// lackingServices are the services of which some proxy lacks something.
func (a *Answer) lackingServices() []string {
	services := map[string]bool{}
	for addr := range a.lacking {
		services[addr.Service] = true
	}
	return slices.Sorted(maps.Keys(services))
}

// onlyUnreachable says whether all that is lacking is lacking in proxies that could not be asked.
func (a *Answer) onlyUnreachable() bool {
	for addr := range a.lacking {
		if !slices.ContainsFunc(a.Proxies, func(p *haproxy.ProxyReport) bool { return p.ProxyAddr == addr && p.Unreachable != "" }) {
			return false
		}
	}
	return true
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
