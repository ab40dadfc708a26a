package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// watchEvery is how often an up that waits for the next step looks whether another command has come
// in between. Its way out must not take longer than two seconds.
const watchEvery = time.Second

// stage is a release on its way to all traffic.
type stage struct {
	plan.Waiting
	route haproxy.Route // as this command left it, or found it
	due   time.Time     // when the next step is to be taken
	// taking says that a step is being taken, ended that there is none any more.
	taking, ended bool
}

// advance gives releases more and more of the traffic, until they have all. The stack is locked
// only while a step is taken: another command may come in between, and then the steps of that
// service end here. A release that is not ready for its next step loses its share.
func (o *Operator) advance(ctx context.Context, stages []*stage, opts plan.UpOptions) error {
	err := o.goOn(ctx, slices.Clone(stages), opts)
	if err != nil && ctx.Err() != nil {
		return &cluster.InterruptedError{Left: standing(stages)}
	}
	return err
}

func (o *Operator) goOn(ctx context.Context, stages []*stage, opts plan.UpOptions) error {
	var errs []error
	drifts := 0
	w := o.watching(ctx)
	defer w.stop()
	for {
		stages = slices.DeleteFunc(stages, func(s *stage) bool { return s.ended })
		if len(stages) == 0 {
			return errors.Join(errs...)
		}
		next := slices.MinFunc(stages, func(a, b *stage) int { return a.due.Compare(b.due) })
		if err := o.awaitStep(ctx, w, stages, next.due); err != nil {
			return err
		}
		var cut error
		err := o.takeBack(ctx, stages, w.judgements(), opts)
		if err == nil {
			err = o.locked(ctx, "docker bluegreen up", opts.LockTimeout, func(ctx context.Context) (err error) {
				cut, err = o.take(ctx, stages)
				return err
			})
		}
		if cut != nil {
			errs = append(errs, cut)
		}
		if err == nil || errors.As(err, new(*traffic.WentBackError)) { // the next look finds out
			continue
		}
		if errors.Is(err, traffic.ErrDrift) && drifts < upTries {
			drifts++
			if err = o.locked(ctx, "docker bluegreen up", opts.LockTimeout, o.repairAll); err == nil {
				continue
			}
		}
		return errors.Join(append(errs, o.giveUp(ctx, stages, err, opts))...)
	}
}

// begin notes where releases stand, as long as the stack is locked: one without a share gets its
// first at once, and one that has one has it anew for as long as a step lasts.
func (o *Operator) begin(ctx context.Context, stages []*stage) error {
	if len(stages) == 0 {
		return nil
	}
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	for _, st := range stages {
		b, err := st.standsAt(s)
		if err != nil {
			return err
		}
		st.due = time.Now()
		switch {
		case st.Bakes && st.route.Tripped:
			st.ended = true
			return wentBack(b, st.Release, st.Color)
		case st.Bakes:
			st.due = st.due.Add(st.baking())
		case st.After > 0:
			left, err := o.leftOf(ctx, st, b.Colors[st.Color])
			if err != nil {
				return err
			}
			st.due = st.due.Add(left)
			o.ex.Working(st.Service, "up", "all traffic in %s", left.Round(time.Second))
		case st.Share > 0:
			st.due = st.due.Add(st.Canary.Every)
		}
	}
	return nil
}

// leftOf is how long a release still waits for all traffic. The time at which it began is written
// on its color, so that the next command counts on. The clocks of two machines may differ: it never
// waits longer than the file says.
func (o *Operator) leftOf(ctx context.Context, st *stage, color *api.Service) (time.Duration, error) {
	since, err := time.Parse(time.RFC3339, color.Spec.Labels[cluster.LabelReady])
	if err == nil {
		return st.After - min(max(time.Since(since), 0), st.After), nil
	}
	_, err = o.ex.Relabel(ctx, color, map[string]string{cluster.LabelReady: time.Now().UTC().Format(time.RFC3339)})
	return st.After, err
}

// standsAt notes the route that is written down, by what was just seen under the lock.
func (st *stage) standsAt(s *cluster.Snapshot) (b *cluster.BlueGreen, err error) {
	if b = s.BlueGreen[st.Service]; b == nil || b.Proxy == nil || b.Colors[st.Color] == nil {
		return nil, fmt.Errorf("service %s: somebody removed its proxies, or %s, while the command ran: run the command again", st.Service, st.Color)
	}
	st.route, err = b.Route()
	return b, err
}

// baking is how long a guard still watches. The clocks of two machines may differ: it is never
// longer than the file says.
func (st *stage) baking() time.Duration {
	if !st.route.Guard.On {
		return 0
	}
	return min(max(time.Until(time.Unix(st.route.Guard.Until, 0)), 0), st.Guard.Bake)
}

// awaitStep waits for a time. It ends early when another command has come in between, or a guard
// has tripped.
func (o *Operator) awaitStep(ctx context.Context, w *watch, stages []*stage, due time.Time) error {
	w.look(stages)
	for time.Now().Before(due) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.tripped:
			return nil
		case <-time.After(min(watchEvery, time.Until(due))):
		}
		s, err := o.ex.ObserveServices(ctx)
		if err != nil {
			continue // what a manager does not tell now is seen when the step is due
		}
		if slices.ContainsFunc(stages, func(st *stage) bool { return st.overtaken(s.BlueGreen[st.Service]) != nil }) {
			return nil
		}
	}
	return nil
}

// standing says what share each release has, and how to go on. A step may just have been taken.
func standing(stages []*stage) string {
	var parts []string
	for _, st := range stages {
		switch {
		case st.ended:
			continue
		case st.Bakes:
			parts = append(parts, fmt.Sprintf("release %d of %s has the traffic, and its proxies watch it", st.Release, st.Service))
		case st.taking:
			parts = append(parts, fmt.Sprintf("release %d of %s has %d %% of the traffic, or %d %% by now", st.Release, st.Service, st.Share, st.Left()[0]))
		default:
			parts = append(parts, fmt.Sprintf("release %d of %s has %d %% of the traffic", st.Release, st.Service, st.Share))
		}
	}
	if !slices.ContainsFunc(stages, func(st *stage) bool { return !st.ended && !st.Bakes }) {
		return cluster.Sentence(parts) + "; run `docker bluegreen wait` to wait for the end of that, or `rollback` to go back"
	}
	return cluster.Sentence(parts) + "; run `docker bluegreen up` again to go on, `promote` to give it all, or `rollback` to take it back"
}

// CutInError says that another command has changed a service while an up went on step by step.
type CutInError struct {
	Service string
	Release int
	What    string // it did
}

func (e *CutInError) Error() string {
	return fmt.Sprintf("service %s: another command %s: the steps of release %d end here: see `docker bluegreen status`, and run `docker bluegreen up` again to go on",
		e.Service, e.What, e.Release)
}

// overtaken is the error for a service that another command has changed; nil if none has.
func (st *stage) overtaken(b *cluster.BlueGreen) *CutInError {
	e := &CutInError{Service: st.Service, Release: st.Release}
	if b == nil || b.Proxy == nil {
		e.What = "removed its proxies"
		return e
	}
	route, err := b.Route()
	svc := b.Colors[st.Color]
	switch {
	case err != nil:
		return nil // it is told when the step is taken
	case !sameTraffic(route, st.route):
		e.What = fmt.Sprintf("changed its route from %s to %s", st.route, route)
		return e
	case svc == nil || cluster.ReleaseOf(svc.Spec) != st.Release:
		e.What = fmt.Sprintf("gave %s another release", st.Color)
		return e
	case !st.Bakes && b.Waiting() != st.Color:
		e.What = "withdrew the release"
		return e
	}
	return nil
}

// bakesBy says whether another command has just given the release all traffic, and its guard
// watches: then this one goes on until that is over.
func (st *stage) bakesBy(b *cluster.BlueGreen) bool {
	if st.Bakes || st.Guard == nil || !st.active(b) {
		return false
	}
	route, err := b.Route()
	if err != nil || !route.Guard.On {
		return false
	}
	st.Bakes, st.route = true, route
	st.due = time.Now().Add(st.baking())
	return true
}

// sameTraffic says whether two routes lead the same requests to the same colors, as before and
// after a pause.
func sameTraffic(a, b haproxy.Route) bool {
	return a.Color == b.Color && a.Share == b.Share && a.Guard.On == b.Guard.On && a.Tripped == b.Tripped
}

// active says whether the release has all traffic.
func (st *stage) active(b *cluster.BlueGreen) bool {
	if b == nil || b.Proxy == nil {
		return false
	}
	route, err := b.Route()
	if err != nil || st.Bakes && route.Share > 0 {
		return false
	}
	return b.Active() == st.Color && b.Colors[st.Color] != nil && cluster.ReleaseOf(b.Colors[st.Color].Spec) == st.Release
}

// wentBack is the error for a release whose guard has taken the traffic back.
func wentBack(b *cluster.BlueGreen, release int, c cluster.Color) *cluster.UnhealthyError {
	active := b.Active()
	return &cluster.UnhealthyError{Service: b.Name, Color: string(c), Tripped: true, Cause: b.Proxy.Spec.Labels[cluster.LabelTripped],
		After: fmt.Sprintf("traffic of %s is on %s again; %s keeps release %d: see `docker service logs %s`", b.Name, active, c, release, b.Colors[c].Spec.Name)}
}

// hasGoneBack says whether the guard of the release has taken the traffic back since this command
// looked.
func (st *stage) hasGoneBack(b *cluster.BlueGreen) bool {
	if b == nil || b.Proxy == nil || b.Colors[st.Color] == nil {
		return false
	}
	route, err := b.Route()
	return err == nil && route.Tripped && !st.route.Tripped && cluster.ReleaseOf(b.Colors[st.Color].Spec) == st.Release
}

// take gives the releases their next shares that are due. cut says why the steps of some end here.
func (o *Operator) take(ctx context.Context, stages []*stage) (cut, err error) {
	s, err := o.tidy(ctx)
	if err != nil {
		return nil, err
	}
	next := map[string]plan.Onward{}
	for _, st := range stages {
		b := s.BlueGreen[st.Service]
		if st.hasGoneBack(b) {
			st.ended = true
			cut = errors.Join(cut, wentBack(b, st.Release, st.Color))
			continue
		}
		if e := st.overtaken(b); e != nil {
			if st.bakesBy(b) {
				continue
			}
			st.ended = true
			if st.active(b) { // that is what the up is for
				what := "promoted it"
				if st.Bakes {
					what = "ended its guard"
				}
				o.ex.Done(st.Service, "up", "release %d is active: another command %s", st.Release, what)
				continue
			}
			cut = errors.Join(cut, e)
			continue
		}
		if !time.Now().Before(st.due) {
			if next[st.Service] = (plan.Onward{Release: st.Release, Baked: true}); !st.Bakes {
				next[st.Service] = plan.Onward{Release: st.Release, Share: st.Left()[0], Verify: st.Verify}
			}
			st.taking = true
		}
	}
	if cut != nil || len(next) == 0 {
		return cut, nil
	}
	todo, err := plan.ForSteps(s, next)
	if err != nil {
		return nil, err
	}
	if err := o.verified(ctx, s, todo); err != nil {
		return nil, err
	}
	if s, err = o.ex.Observe(ctx); err != nil {
		return nil, err
	}
	for _, st := range stages {
		step, ok := next[st.Service]
		if !ok {
			continue
		}
		st.taking = false
		if st.Share = step.Share; step.Baked || st.Share == 100 && st.Guard == nil {
			st.ended = true
			continue
		}
		b, err := st.standsAt(s)
		if err != nil {
			return nil, err
		}
		if st.Share == 100 {
			if st.Bakes = true; st.route.Tripped {
				st.ended = true
				return wentBack(b, st.Release, st.Color), nil
			}
			st.due = time.Now().Add(st.baking())
			o.ex.Done(st.Service, "up", "%s", st.Waiting)
			continue
		}
		st.due = time.Now().Add(st.Canary.Every)
		then := fmt.Sprintf("%d %%", st.Left()[0])
		if st.Left()[0] == 100 {
			then = "all"
		}
		o.ex.Working(st.Service, "share", "%d %% for %s, then %s", st.Share, st.Canary.Every, then)
	}
	return nil, nil
}

// giveUp takes the shares of releases back that were not ready for more, after the error that says
// so. Whatever else went wrong leaves them as they are.
func (o *Operator) giveUp(ctx context.Context, stages []*stage, cause error, opts plan.UpOptions) error {
	var unhealthy *cluster.UnhealthyError
	if !errors.As(cause, &unhealthy) || unhealthy.Verified || unhealthy.Tripped { // what had the traffic has been dealt with
		return cause
	}
	shared := false
	err := o.locked(ctx, "docker bluegreen up", opts.LockTimeout, func(ctx context.Context) error {
		s, err := o.tidy(ctx)
		if err != nil {
			return err
		}
		var names []string
		for _, st := range stages {
			if !st.ended && st.overtaken(s.BlueGreen[st.Service]) == nil {
				names = append(names, st.Service)
				shared = shared || st.Share > 0
			}
		}
		slices.Sort(names)
		todo, err := plan.ForTakingBack(s, names)
		if err != nil {
			return err
		}
		todo.Cause = unhealthy.Cause
		return o.ex.Execute(ctx, s, todo)
	})
	switch {
	case err != nil:
	case shared:
		unhealthy.After = "no release of this up has a share of the traffic any more"
	default:
		unhealthy.After = "traffic is where it was, and the release waits no more"
	}
	return errors.Join(cause, err)
}
