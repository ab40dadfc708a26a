package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Wait waits until no release of these services is watched or has a share of the traffic any more;
// without names, for all of them. The error is a *cluster.UnhealthyError if a guard has taken the
// traffic back, and a *CutInError if another command has given it to another release.
func (o *Operator) Wait(ctx context.Context, opts plan.FlipOptions) error {
	var stages []*stage
	err := o.locked(ctx, "docker bluegreen wait", opts.LockTimeout, func(ctx context.Context) error {
		s, err := o.tidy(ctx)
		if err != nil {
			return err
		}
		stages, err = o.watched(ctx, s, opts.Services)
		return err
	})
	if err != nil {
		return err
	}
	if len(stages) == 0 {
		o.ex.Done("", "wait", "no release is watched")
		return nil
	}
	return o.advance(ctx, stages, plan.UpOptions{LockTimeout: opts.LockTimeout})
}

// watched are the releases that have all traffic and a guard. A guard that has just tripped is an
// error, and so is a share: nobody knows how long that one is to last.
func (o *Operator) watched(ctx context.Context, s *cluster.Snapshot, services []string) ([]*stage, error) {
	names, err := s.Names(services)
	if err != nil {
		return nil, err
	}
	var stages []*stage
	var back []error
	for _, name := range names {
		b := s.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return nil, err
		}
		settings, err := b.Settings()
		if err != nil {
			return nil, err
		}
		color := cluster.Color(route.Color)
		switch idle := color.Other(); {
		case route.Tripped && b.Colors[idle] != nil:
			back = append(back, wentBack(b, cluster.ReleaseOf(b.Colors[idle].Spec), idle))
			continue
		case route.Share > 0:
			return nil, fmt.Errorf("service %s: release %d has %d %% of the traffic: run `docker bluegreen promote %s` or `rollback %s`, or wait where its up runs",
				name, cluster.ReleaseOf(b.Colors[idle].Spec), route.Share, name, name)
		case !route.Guard.On || settings.Guard == nil || b.Colors[color] == nil:
			continue
		}
		stages = append(stages, &stage{Waiting: plan.Waiting{Service: name, Color: color, Release: cluster.ReleaseOf(b.Colors[color].Spec), Guard: settings.Guard, Bakes: true}})
	}
	if len(back) > 0 {
		return nil, errors.Join(back...)
	}
	for _, st := range stages {
		o.ex.Done(st.Service, "wait", "%s", st.Waiting)
	}
	return stages, o.begin(ctx, stages)
}

// awaitBake waits until the guard of a release is over that a new one must not take the way back
// of, or until another command or the guard itself has ended it.
func (o *Operator) awaitBake(ctx context.Context, baking *plan.BakingError) (over bool, err error) {
	st := &stage{Waiting: plan.Waiting{Service: baking.Service, Color: baking.Color, Release: baking.Release, Bakes: true}, route: baking.Route}
	st.due = time.Now().Add(min(max(time.Until(time.Unix(baking.Route.Guard.Until, 0)), 0), baking.Bake))
	o.ex.Working(baking.Service, "up", "the proxies still watch release %d: the next one begins in %s, or at once with --skip-bake",
		baking.Release, time.Until(st.due).Round(time.Second))
	w := o.watching(ctx)
	defer w.stop()
	if err := o.awaitStep(ctx, w, []*stage{st}, st.due); err != nil {
		return false, &cluster.InterruptedError{Left: "nothing was changed"}
	}
	return !time.Now().Before(st.due), nil
}

// isOver says whether the guard of an active color has watched for its time, and nobody has ended
// it.
func isOver(b *cluster.BlueGreen, active cluster.Color) bool {
	if b == nil || b.Proxy == nil {
		return false
	}
	route, err := b.Route()
	return err == nil && cluster.Color(route.Color) == active && route.Guard.On && route.Guard.Over(time.Now())
}

// regiven is the error for a plan that would give traffic once more to a release whose guard has
// taken it back since; nil before anything has been waited for. Who asks again may have it.
func regiven(before, seen *cluster.Snapshot, todo plan.Plan) error {
	if before == nil {
		return nil
	}
	again := map[string]bool{}
	for _, s := range todo.Steps {
		again[s.Service] = again[s.Service] || s.Do == plan.Flip
	}
	for _, w := range todo.Waiting {
		again[w.Service] = true
	}
	for _, s := range todo.Steps {
		b := seen.BlueGreen[s.Service]
		if s.Do == plan.StartColor && b != nil && (b.Colors[s.Color] == nil || cluster.ReleaseOf(b.Colors[s.Color].Spec) != s.Release) {
			delete(again, s.Service) // that is another release
		}
	}
	return gaveBack(before, seen, func(service string) bool { return again[service] })
}

// watch shows what the proxies of releases that are watched count, while a command waits.
type watch struct {
	o       *Operator
	ctx     context.Context
	tripped chan struct{} // has a value when a guard has tripped
	names   []string
	cancel  context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	due     map[string]time.Time // by service
	reasons map[string]string    // why Prometheus takes the traffic back, by service
}

func (o *Operator) watching(ctx context.Context) *watch {
	return &watch{o: o, ctx: ctx, tripped: make(chan struct{}, 1)}
}

// look begins to watch those of the releases that have a guard.
func (w *watch) look(stages []*stage) {
	var names []string
	var judged []stage
	w.mu.Lock()
	w.due = map[string]time.Time{}
	for _, st := range stages {
		w.due[st.Service] = st.due
		if st.route.Guard.On {
			names = append(names, st.Service)
			if st.Guard != nil && st.Guard.Prometheus != nil && w.o.Prometheus != nil {
				judged = append(judged, *st)
			}
		}
	}
	w.mu.Unlock()
	if slices.Equal(names, w.names) && w.cancel != nil && !w.over() {
		return
	}
	w.stop()
	if w.names = names; len(names) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(w.ctx)
	ended := make(chan struct{})
	w.cancel, w.ended = cancel, ended
	var judges sync.WaitGroup
	for _, st := range judged {
		judges.Go(func() { w.judge(ctx, st) })
	}
	go func() {
		defer close(ended)
		defer judges.Wait()
		defer cancel()
		s, err := w.o.ex.Observe(ctx)
		if err == nil {
			go w.o.ex.Listen(ctx)
			w.o.ex.Watch(ctx, cluster.NewRecord(s), names, w.tell, func(err error) {
				w.o.ex.Warn("", "guard", "the figures of the proxies are missing, and they watch all the same: %v", err)
			})
		}
		if err == nil && ctx.Err() == nil {
			select {
			case w.tripped <- struct{}{}:
			default:
			}
		}
	}()
}

func (w *watch) over() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

func (w *watch) stop() {
	if w.cancel != nil {
		w.cancel()
		<-w.ended
	}
	w.cancel, w.names = nil, nil
}

// tell shows the figures of each service, and how long it goes on.
func (w *watch) tell(figures map[string]map[string]haproxy.Figures) {
	w.mu.Lock()
	due := w.due
	w.mu.Unlock()
	for service, colors := range figures {
		var parts []string
		for _, c := range cluster.Colors {
			f := colors[string(c)]
			if f.Requests == 0 {
				continue
			}
			parts = append(parts, fmt.Sprintf("%s %d requests, %.1f %% failed, %d ms", c, f.Requests, 100*float64(f.Failed)/float64(f.Requests), f.Time.Milliseconds()))
		}
		if len(parts) == 0 {
			parts = []string{"no request"}
		}
		w.o.ex.Figures(service, "guard", fmt.Sprintf("%s; %s left", strings.Join(parts, "; "), max(time.Until(due[service]), 0).Round(time.Second)))
	}
}

// askGuards asks proxies that may have taken traffic back by themselves, and lets the labels follow
// those that have.
func (o *Operator) askGuards(ctx context.Context, rec *cluster.Record) error {
	var names []string
	for name, b := range rec.Snapshot().BlueGreen {
		if b.Proxy == nil {
			continue
		}
		if route, err := b.Route(); err == nil && route.Guard.On {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	tripped, err := o.ex.Tripped(ctx, rec, names)
	if err != nil || len(tripped) == 0 {
		return err
	}
	o.ex.Warn("", "settle", "the guard of %s has taken the traffic back", cluster.Sentence(tripped))
	if _, err = o.ex.Settle(ctx, rec, tripped); err != nil {
		return err
	}
	for _, name := range tripped {
		b := rec.Entry(name)
		o.ex.Moved(cluster.WentBack, name, "guard", "%s has the traffic again: %s", b.Active(), b.Proxy.Spec.Labels[cluster.LabelTripped])
	}
	return nil
}

func all(string) bool { return true }

// gaveBack is the error for services whose traffic a guard has taken back while a command worked on
// them, as far as they concern it; nil if there is none.
func gaveBack(before, after *cluster.Snapshot, concerns func(service string) bool) error {
	var errs []error
	for name, b := range after.BlueGreen {
		if b.Proxy == nil || !concerns(name) {
			continue
		}
		route, err := b.Route()
		idle := cluster.Color(route.Color).Other()
		if err != nil || !route.Tripped || b.Colors[idle] == nil {
			continue
		}
		if was := before.BlueGreen[name]; was != nil && was.Proxy != nil {
			if earlier, err := was.Route(); err == nil && earlier.Tripped {
				continue
			}
		}
		errs = append(errs, wentBack(b, cluster.ReleaseOf(b.Colors[idle].Spec), idle))
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}
