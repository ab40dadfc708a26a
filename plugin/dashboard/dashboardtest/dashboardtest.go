// Package dashboardtest has a swarm of stacks as they are in real life, for tests of the dashboard.
package dashboardtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Fake is a swarm that answers at once. Its fields are what it says; they may be changed with Set.
type Fake struct {
	mu      sync.Mutex
	status  *swarm.Status
	history *swarm.History
	stacks  *swarm.Stacks
	err     error
	began   time.Time
	looks   int
	lives   int
	did     []string
	act     func(ctx context.Context, tell func(cluster.Event)) error
}

// New returns a fake whose stacks have been there for some time.
func New(now time.Time) *Fake {
	return &Fake{began: time.Now(), status: Status(now), history: History(now), stacks: Stacks(now)}
}

// Set changes what the fake says.
func (f *Fake) Set(change func(s *swarm.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.status)
}

// Fail lets all looks fail; nil ends that.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

// Act replaces what an action does.
func (f *Fake) Act(act func(ctx context.Context, tell func(cluster.Event)) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.act = act
}

// Did are the actions that were carried out.
func (f *Fake) Did() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.did...)
}

// Looks counts how often the swarm and the proxies were asked.
func (f *Fake) Looks() (looks, lives int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks, f.lives
}

// Options are those of a dashboard of the fake.
func (f *Fake) Options() dashboard.Options {
	return dashboard.Options{
		LockTimeout: time.Minute, Rest: 50 * time.Millisecond, RestLive: 200 * time.Millisecond,
		File: &dashboard.File{Stack: "shop", Plan: func(context.Context) (plan.Plan, []string, error) {
			return plan.Plan{Command: plan.Up, Stack: "shop", Steps: []plan.Step{
				{Do: plan.StartColor, Name: "shop_web-green", Service: "web", Cause: "the image has changed",
					Changes: []plan.Change{{Field: "image", From: "registry.example.com/shop/web:1.8.2", To: "registry.example.com/shop/web:1.9.0"}, {Field: "environment.FEATURES", To: "checkout2"}}},
				{Do: plan.Flip, Name: "shop_web", Service: "web", To: haproxy.Route{Color: "green"}, Cause: "release 15 is ready"},
			}}, []string{"service worker: links: Swarm does not link: services of one network reach each other by name, without the alias"}, nil
		}},
		Open: func(stack string) dashboard.Operator { return &operator{f, stack, nil} },
		Change: func(ctx context.Context, _, stack string, tell func(cluster.Event), do func(context.Context, dashboard.Operator) error) error {
			return do(ctx, &operator{f, stack, tell})
		},
		Outcome: func(err error) (string, int) { return err.Error(), cluster.ExitCode(err) },
	}
}

// operator is the fake for one stack.
type operator struct {
	*Fake
	stack string
	tell  func(cluster.Event)
}

var _ dashboard.Operator = (*operator)(nil)

func (o *operator) Stacks(context.Context) (*swarm.Stacks, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stacks, o.err
}

func (o *operator) Status(_ context.Context, live bool, _ ...string) (*swarm.Status, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch o.looks++; {
	case o.err != nil:
		return nil, o.err
	case o.stack != o.status.Stack:
		return nil, fmt.Errorf("stack %s: nothing is deployed", o.stack)
	}
	st := *o.status
	st.Live = live
	st.Services = append([]swarm.ServiceStatus(nil), st.Services...)
	if live {
		o.lives++
	}
	for i := range st.Services {
		if svc := &st.Services[i]; live && svc.Route != nil {
			svc.Proxies = proxies(*svc, time.Since(o.began))
		}
	}
	return &st, nil
}

func (o *operator) History(context.Context, []string) (*swarm.History, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.history, o.err
}

func (o *operator) Promote(ctx context.Context, f plan.FlipOptions) error {
	return o.done(ctx, plan.Promote, f)
}

func (o *operator) Rollback(ctx context.Context, f plan.FlipOptions) error {
	return o.done(ctx, plan.Rollback, f)
}

func (o *operator) State(ctx context.Context, c plan.Command, f plan.FlipOptions) error {
	return o.done(ctx, c, f)
}

func (o *operator) done(ctx context.Context, c plan.Command, f plan.FlipOptions) error {
	o.mu.Lock()
	text := fmt.Sprint(c, " ", o.stack, " ", f.Services)
	if f.Release > 0 {
		text += fmt.Sprint(" to ", f.Release)
	}
	if f.Reason != "" {
		text += ": " + f.Reason
	}
	if f.State.Kind != "" {
		text += fmt.Sprintf(" %s %d", f.State.Kind, f.State.Seconds)
	}
	if f.Expect != nil {
		text += fmt.Sprint(" from ", f.Expect)
	}
	o.did = append(o.did, text)
	act := o.act
	o.mu.Unlock()
	if act != nil {
		return act(ctx, o.tell)
	}
	o.tell(cluster.Event{Service: "web", Step: "flip", State: cluster.Working, Text: "2 of 3 proxies have confirmed"})
	o.tell(cluster.Event{Service: "web", Step: "flip", State: cluster.Done, Text: "all traffic goes to green: every proxy confirmed within 4 ms"})
	o.tell(cluster.Event{Service: "web", Step: "receipt", State: cluster.Done, Text: "214 requests meanwhile (blue 97, green 117), 0 failed, the slowest took 41 ms"})
	o.Set(func(s *swarm.Status) {
		web := &s.Services[1]
		route := *web.Route
		route.Active, route.Share, route.Sequence = "green", 0, route.Sequence+1
		web.Route = &route
		web.Colors = append([]swarm.ColorStatus(nil), web.Colors...)
		web.Colors[0].Active, web.Colors[1].Active, web.Colors[1].Waiting = false, true, false
	})
	return nil
}

func (o *operator) PlanPromote(_ context.Context, f plan.FlipOptions) (plan.Plan, error) {
	return o.planned(plan.Promote, f)
}

func (o *operator) PlanRollback(_ context.Context, f plan.FlipOptions) (plan.Plan, error) {
	return o.planned(plan.Rollback, f)
}

func (o *operator) PlanState(_ context.Context, c plan.Command, f plan.FlipOptions) (plan.Plan, error) {
	return o.planned(c, f)
}

func (o *operator) planned(c plan.Command, f plan.FlipOptions) (plan.Plan, error) {
	if len(f.Services) == 1 && f.Services[0] == "nosuch" {
		return plan.Plan{}, errors.New("stack shop has no blue-green service nosuch: it has api and web")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	stands := map[string]plan.Stand{"web": {Sequence: o.status.Services[1].Route.Sequence, Idle: 14}}
	return plan.Plan{Command: c, Stack: o.stack, Stands: stands, Steps: []plan.Step{{Do: plan.Flip, Name: o.stack + "_web", Service: "web", To: haproxy.Route{Color: "green"}, Cause: "release 14 waits for promote"}}}, nil
}
