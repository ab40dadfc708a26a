// Package doctor finds what is wrong with a swarm and the stacks on it. It judges what was looked
// at, asks nobody and changes nothing: same input, same findings.
package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Level is how bad a finding is.
type Level string

// Levels of findings.
const (
	OK      Level = "ok"      // all is well, or as somebody wanted it
	Warning Level = "warning" // traffic is served, and something needs a hand
	Error   Level = "error"   // something does not work, or the next command would fail
)

// Report is what doctor has found. Its JSON form is stable: fields are added, never changed.
type Report struct {
	// Stack is the stack that was asked for; empty for all.
	Stack string `json:"stack"`
	// Live is true if the proxies were asked.
	Live bool `json:"live"`
	// Errors is the number of findings of the level error.
	Errors int `json:"errors"`
	// Warnings is the number of findings of the level warning.
	Warnings int `json:"warnings"`
	// Findings begin with those of the swarm; those of stacks are sorted by stack.
	Findings []Finding `json:"findings"`
}

// Finding is one thing that doctor says. A check that finds nothing wrong has one of the level ok.
type Finding struct {
	// Level is ok, warning or error.
	Level Level `json:"level"`
	// Check is engine, managers, nodes, clocks, network, routes, services, images, lock, leftovers or
	// drift.
	Check string `json:"check"`
	// Stack is the stack that it is about; empty for the whole swarm.
	Stack string `json:"stack"`
	// Subject is the node, service or object that it is about; empty if it is about all.
	Subject string `json:"subject"`
	// Cause is what is so.
	Cause string `json:"cause"`
	// Way is the way out; empty if nothing has to be done.
	Way string `json:"way"`
}

// Drifted says whether proxies do not do what is written down.
func (r *Report) Drifted() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Check == driftCheck && f.Level == Error })
}

// Seen is what was looked at.
type Seen struct {
	// Engine is what the engine says of itself, and EngineErr why it says nothing.
	Engine    system.Info
	EngineErr error
	// APIVersion is the version of the API that the engine and we speak, such as 1.41.
	APIVersion string
	// Asked is when the engine was asked, by the clock of this machine, and Took how long it took.
	Asked time.Time
	Took  time.Duration
	// Listed is what the swarm holds, and Tasks are all its tasks; ListErr says why nothing is known.
	Listed  *cluster.Listed
	Tasks   []api.Task
	ListErr error
	Stacks  []Stack
}

// Stack is what was seen of one stack.
type Stack struct {
	// Snapshot is what the swarm holds of it, and Err why that cannot be read.
	*cluster.Snapshot
	Name string
	Err  error
	// Lock is who works on the stack; nil for nobody.
	Lock *Lock
	// Live says that the proxies were asked, Drift what they said that is not written down, and
	// LiveErr why they said nothing.
	Live    bool
	Drift   []string
	LiveErr error
}

// Lock is a lock that somebody has taken.
type Lock struct {
	// By is the command, who gave it and when.
	By    string
	Since time.Time
	// Gone says why its owner is not there any more; empty if it may be.
	Gone string
}

// busy says whether a command works on the stack, so that what looks half done may be about to be
// done.
func (s *Stack) busy() bool { return s.Lock != nil && s.Lock.Gone == "" }

// findings are those of one check. A check returns what to say if all is well.
type findings struct {
	check, stack string
	list         []Finding
}

func (f *findings) add(l Level, subject, way, cause string, args ...any) {
	f.list = append(f.list, Finding{Level: l, Check: f.check, Stack: f.stack, Subject: subject, Cause: fmt.Sprintf(cause, args...), Way: way})
}

// bad says whether anything is wrong.
func (f *findings) bad() bool {
	return slices.ContainsFunc(f.list, func(x Finding) bool { return x.Level != OK })
}

// driftCheck is the check whose errors have an exit code of their own.
const driftCheck = "drift"

// Examine makes a report of what was seen. stack is the one that was asked for, empty for all.
func Examine(s *Seen, stack string) *Report {
	r := &Report{Stack: stack, Findings: []Finding{}}
	r.check("engine", "", func(f *findings) string { return s.engine(f) })
	if r.Errors > 0 {
		return r // nothing else is known
	}
	r.check("managers", "", func(f *findings) string { return s.managers(f) })
	if s.Listed == nil {
		return r
	}
	r.check("nodes", "", func(f *findings) string { return s.nodes(f) })
	r.check("clocks", "", func(f *findings) string { return s.clocks(f) })
	for i := range s.Stacks {
		st := &s.Stacks[i]
		r.Live = r.Live || st.Live
		if st.Err != nil {
			r.check("leftovers", st.Name, func(f *findings) string {
				f.add(Error, "", "correct that, and run docker bluegreen doctor again", "%v", st.Err)
				return ""
			})
			continue
		}
		for _, c := range stackChecks {
			r.check(c.name, st.Name, func(f *findings) string { return c.look(s, st, f) })
		}
	}
	return r
}

// stackChecks are the checks of one stack, in the order in which they are shown.
var stackChecks = []struct {
	name string
	look func(*Seen, *Stack, *findings) (well string)
}{
	{"network", (*Seen).network},
	{"routes", func(s *Seen, st *Stack, f *findings) string { return st.routes(f, s.Asked) }},
	{"services", (*Seen).services},
	{"images", (*Seen).images},
	{"lock", func(s *Seen, st *Stack, f *findings) string { return st.lock(f, s.Asked) }},
	{"leftovers", (*Seen).leftovers},
	{driftCheck, func(_ *Seen, st *Stack, f *findings) string { return st.drift(f) }},
}

// check runs one check, and says that all is well if it finds nothing wrong.
func (r *Report) check(name, stack string, look func(*findings) (well string)) {
	f := &findings{check: name, stack: stack}
	if well := look(f); well != "" && !f.bad() {
		f.add(OK, "", "", "%s", well)
	}
	slices.SortStableFunc(f.list, func(a, b Finding) int { return cmp.Compare(rank(b.Level), rank(a.Level)) })
	for _, x := range f.list {
		switch x.Level {
		case Error:
			r.Errors++
		case Warning:
			r.Warnings++
		}
	}
	r.Findings = append(r.Findings, f.list...)
}

func rank(l Level) int { return slices.Index([]Level{OK, Warning, Error}, l) }
