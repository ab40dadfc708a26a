package swarm

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// quick are apps for which little has to be waited, so that there are few calls.
var quick = swarmtest.App{Start: 400 * time.Millisecond, Stop: 200 * time.Millisecond, Done: 200 * time.Millisecond}

// patience is longer than any command takes, whatever happens to one call.
const patience = 30 * time.Minute

// few calls are tried one by one. Of the reads of a command with more, each fault is tried at every
// fourth, each beginning at another: waits read the same again and again.
const few = 40

// Whatever happens to any call of a command, be it a read or a write: no color that a proxy may
// send to is stopped or changed; exit code and text are true; and the same command finishes what it
// was for.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	for _, tc := range changes() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := tc.prepare(t)
			for i, f := range faults {
				t.Run(f.name, func(t *testing.T) {
					t.Parallel()
					for n, c := range b.calls(f) {
						if c.write() || len(b.made) < few || (n+i)%4 == 0 {
							t.Run(fmt.Sprint(n+1), func(t *testing.T) { b.goesWrong(t, f, n+1) })
						}
					}
				})
			}
		})
	}
}

// bench is a change that is tried again and again.
type bench struct {
	change
	swarm          func() *swarmtest.Swarm // as it is before the change
	before, wanted state
	made           []*call // when nothing goes wrong
}

// prepare makes the swarm as it is before the change, and sees what comes of it when nothing goes
// wrong.
func (tc change) prepare(t *testing.T) *bench {
	t.Helper()
	b := &bench{change: tc}
	synctest.Test(t, func(t *testing.T) {
		s := swarmtest.New(3)
		s.Default = quick
		defer s.Close()
		m := &memory{Swarm: s, t: t}
		for _, c := range tc.before {
			m.must(c(t.Context(), m))
		}
		m.calm()
		b.swarm = s.Copy()
	})
	b.run(t, func(m *memory, j *judge) {
		b.before = j.looks()
		var mu sync.Mutex // calls come side by side
		h := &happening{fault: fault{befalls: func(c *call) bool {
			mu.Lock()
			defer mu.Unlock()
			b.made = append(b.made, c)
			return false
		}}}
		m.wrap = func(e engine.API) engine.API { return &faulty{e, h, j} }
		m.must(tc.command(m.t.Context(), m))
		m.calm()
		b.wanted = j.looks()
	})
	return b
}

// run runs a test in a bubble with the swarm as it is before the change.
func (b *bench) run(t *testing.T, test func(m *memory, j *judge)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{Swarm: b.swarm(), t: t}
		defer m.Close()
		test(m, &judge{m: m, stops: b.stops})
	})
}

// calls are those of the change that a fault may happen to.
func (b *bench) calls(f fault) []*call {
	return slices.DeleteFunc(slices.Clone(b.made), func(c *call) bool { return f.befalls != nil && !f.befalls(c) })
}

// goesWrong lets a fault happen to the nth call that it befalls, and has all judged.
func (b *bench) goesWrong(t *testing.T, f fault, nth int) {
	b.run(t, func(m *memory, j *judge) {
		defer m.watchRouter()()
		ctx, interrupt := context.WithCancel(m.t.Context())
		defer interrupt()
		h := &happening{fault: f, nth: int32(nth), interrupt: interrupt, setNodes: m.setNodes, killed: make(chan struct{}), over: make(chan struct{})}
		defer close(h.over)
		m.wrap = func(e engine.API) engine.API { return &faulty{e, h, j} }
		ended := make(chan error, 1)
		go func() { ended <- b.command(ctx, m) }()
		var err error
		killed := false
		select {
		case err = <-ended:
		case <-h.killed:
			killed = true
		case <-time.After(patience):
			j.finds("it did not end within %s", patience)
			interrupt()
			err = <-ended
		}
		now := j.looks()
		j.serves(b.before, now, b.wanted)
		if !killed {
			j.hears(err, h, b.before, now, b.wanted)
		}
		text := "(killed)"
		if !killed {
			text = fmt.Sprint(err)
		}
		j.ends("%s, which said:\n%s", h, text)
		time.Sleep(longOutage + time.Minute)
		now = j.looks()
		if err == nil && !killed && !b.wanted.same(true, now) {
			j.finds("exit code 0, but:\n%s", now.differs(b.wanted))
		}
		did := (b.oneMore || b.further) && now.Next == "" && slices.Equal(now.Colors, b.wanted.Colors) && (killed || err == nil || h.name == "Ctrl-C")
		m.wrap = func(e engine.API) engine.API { return &faulty{e, &happening{}, j} }
		if err := b.command(m.t.Context(), m); err != nil {
			j.finds("the same command did not finish: %v", err)
		}
		m.calm()
		now = j.looks()
		if green := "shop_web-green"; b.staysWarm && now.Services[green] == b.before.Services[green] {
			now.Services[green] = b.wanted.Services[green]
		}
		if !b.wanted.same(false, now) && !(did && (b.further || b.before.same(false, now))) {
			j.finds("in the end:\n%s", now.differs(b.wanted))
		}
		j.ends("%s, which said:\n%s\nand then", h, text)
	})
}
