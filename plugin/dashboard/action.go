package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// pauseTime is how long requests wait at most in a pause, as for docker bluegreen pause.
const pauseTime = 30 * time.Second

// wish is what a button asks for.
type wish struct {
	// Do is promote, rollback, pause, resume or live.
	Do string `json:"do"`
	// Services are those that it is about; empty for all blue-green services of the stack.
	Services []string `json:"services"`
	// Release is the release that a rollback brings back; 0 for the one that was active before.
	Release int `json:"release"`
	// Reason is why, for the history; it may be empty.
	Reason string `json:"reason"`
	// Expect is what the plan rests on that the reader has agreed to, see planView. A promote or
	// rollback is bound to it: what was right then can be wrong after another one's.
	Expect map[string]plan.Stand `json:"expect,omitempty"`
}

// deed is one of the things that buttons do.
type deed struct {
	do   func(Operator, context.Context, plan.FlipOptions) error
	plan func(Operator, context.Context, plan.FlipOptions) (plan.Plan, error)
}

var deeds = map[string]deed{
	"promote":  {Operator.Promote, Operator.PlanPromote},
	"rollback": {Operator.Rollback, Operator.PlanRollback},
	"pause":    state(plan.Pause),
	"resume":   state(plan.Resume),
	"live":     state(plan.Live),
}

func state(c plan.Command) deed {
	return deed{func(o Operator, ctx context.Context, f plan.FlipOptions) error { return o.State(ctx, c, f) },
		func(o Operator, ctx context.Context, f plan.FlipOptions) (plan.Plan, error) {
			return o.PlanState(ctx, c, f)
		}}
}

// check is an error for what no button asks for.
func (w wish) check() error {
	switch _, known := deeds[w.Do]; {
	case !known:
		return fmt.Errorf("%q is nothing that can be done here", w.Do)
	case w.Release < 0, w.Release > 0 && (w.Do != "rollback" || len(w.Services) != 1):
		return fmt.Errorf("only a rollback of one service goes to a release, and its number is positive")
	case slices.Contains(w.Services, ""):
		return fmt.Errorf("a service has no name")
	}
	return nil
}

func (s *Server) flipOptions(w wish) plan.FlipOptions {
	o := plan.FlipOptions{Services: w.Services, Release: w.Release, Reason: w.Reason, LockTimeout: s.options.LockTimeout}
	switch w.Do {
	case "promote", "rollback":
		o.Expect = w.Expect
	case "pause":
		o.State = plan.State{Kind: plan.Hold, Seconds: int(pauseTime.Seconds())}
	}
	return o
}

// actionView is what a page shows of the last action.
type actionView struct {
	// ID counts the actions of this dashboard.
	ID    int    `json:"id"`
	Stack string `json:"stack"`
	wish
	Began time.Time `json:"began"`
	// Steps are the newest events of each step, in the order in which the steps began.
	Steps []cluster.Event `json:"steps"`
	// Stopping is true once somebody has asked it to end.
	Stopping bool `json:"stopping"`
	Ended    bool `json:"ended"`
	// Code is the exit code that the command would have, and Text its message; empty for 0.
	Code int    `json:"code"`
	Text string `json:"text"`
}

// doing is the action under way: one at a time for the whole dashboard, whose terminal shows it.
type doing struct {
	mu     sync.Mutex
	view   actionView
	cancel context.CancelFunc // nil while nothing is done
	closed bool               // none begins any more
	under  sync.WaitGroup
	err    error // of the action that the end of the dashboard has canceled
}

// wait waits for the action that the end of the dashboard has canceled, and returns what came of
// it; nil if there was none.
func (d *doing) wait() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.under.Wait()
	return d.err
}

// stop cancels the action of that id, as Ctrl-C does with a command. It is false if that one is not
// under way: the page may show one that has just ended, while the next one has begun.
func (s *Server) stop(id int) bool {
	d := &s.doing
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel == nil || d.view.ID != id {
		return false
	}
	d.cancel()
	d.view.Stopping = true
	s.action.set(d.view)
	return true
}

// start begins an action. It does not end with the page that asked for it. The error says that
// another one is under way.
func (s *Server) start(ctx context.Context, stack string, w wish) error {
	d := &s.doing
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.closed:
		return fmt.Errorf("the dashboard is ending")
	case d.cancel != nil:
		return fmt.Errorf("%s of stack %s is under way here: wait for it, or stop it", d.view.Do, d.view.Stack)
	}
	doing, cancel := context.WithCancel(ctx)
	d.cancel = cancel
	d.view = actionView{ID: d.view.ID + 1, Stack: stack, wish: w, Began: s.now().UTC(), Steps: []cluster.Event{}}
	s.action.set(d.view)
	d.under.Go(func() {
		defer cancel()
		err := s.options.Change(doing, w.Do, stack, s.tell, func(ctx context.Context, o Operator) error {
			return deeds[w.Do].do(o, ctx, s.flipOptions(w))
		})
		s.ended(err, ctx.Err() != nil)
	})
	return nil
}

// ended shows what came of the action. late says that the dashboard ends.
func (s *Server) ended(err error, late bool) {
	d := &s.doing
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancel, d.view.Ended = nil, true
	if err != nil {
		d.view.Text, d.view.Code = s.options.Outcome(err)
	}
	if late {
		d.err = err
	}
	s.action.set(d.view)
}

// tell shows an event of the action: a step shows its newest event, and each warning stays.
func (s *Server) tell(e cluster.Event) {
	d := &s.doing
	d.mu.Lock()
	defer d.mu.Unlock()
	e.Receipt = nil // its text says it
	steps := slices.Clone(d.view.Steps)
	i := slices.IndexFunc(steps, func(old cluster.Event) bool {
		return old.Service == e.Service && old.Step == e.Step && old.State != cluster.Warning
	})
	switch {
	case e.State == cluster.Warning && slices.Contains(steps, e):
	case e.State == cluster.Warning || i < 0:
		steps = append(steps, e)
	default:
		steps[i] = e
	}
	d.view.Steps = steps
	s.action.set(d.view)
}

// planView is a plan in words.
type planView struct {
	Changes  bool       `json:"changes"`
	Warnings []string   `json:"warnings"`
	Notes    []string   `json:"notes"`
	Steps    []planStep `json:"steps"`
	Waiting  []string   `json:"waiting"`
	// Stands are what the plan rests on, for the Expect of a wish.
	Stands map[string]plan.Stand `json:"stands"`
	Error  string                `json:"error"`
}

// planStep is one step of a plan.
type planStep struct {
	// Kind is create, remove, await, order or change.
	Kind    string        `json:"kind"`
	Text    string        `json:"text"`
	Changes []plan.Change `json:"changes"`
}

func (s *Server) viewOf(p plan.Plan, warnings []string, err error) planView {
	v := planView{Changes: p.Changes(), Warnings: warnings, Notes: p.Notes, Steps: []planStep{}, Stands: p.Stands}
	if err != nil {
		v.Error, _ = s.options.Outcome(err)
		return v
	}
	for _, step := range p.Steps {
		v.Steps = append(v.Steps, planStep{Kind: kind(step.Do), Text: step.String(), Changes: step.Changes})
	}
	for _, w := range p.Waiting {
		v.Waiting = append(v.Waiting, w.Service+": "+w.String())
	}
	return v
}

func kind(a plan.Action) string {
	word, _, _ := strings.Cut(string(a), " ")
	switch {
	case word == "create" || word == "remove" || word == "await":
		return word
	case a.Ordered():
		return "order"
	}
	return "change"
}
