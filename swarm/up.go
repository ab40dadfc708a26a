package swarm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/preflight"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// upTries is how often an up starts over when the proxies turn out to follow another route than the
// one written down.
const upTries = 3

// Up makes the swarm hold what the project says: new versions go to the idle colors, and traffic
// follows once every proxy sees them ready. Errors are *UnhealthyError, *UnconfirmedError,
// *InterruptedError, or say themselves what is wrong with the project or the swarm.
func (o *Operator) Up(ctx context.Context, p *compose.Project, opts plan.UpOptions) error {
	im := newLookup(opts)
	o.ex.Author.Files, o.ex.Author.Commit = p.Files, opts.Commit
	if opts.WithRegistryAuth {
		o = o.writing(func(e engine.API) engine.API { return authWrites{e, im.credentials} })
	}
	defer func() { o.ex.TellReceipts() }()
	var before *cluster.Snapshot
	opts.Baked = map[string]bool{}
	for {
		stages, err := o.lockedUp(ctx, p, im, opts, before)
		var baking *plan.BakingError
		if errors.As(err, &baking) {
			if before == nil {
				if before, err = o.ex.ObserveServices(ctx); err != nil {
					return err
				}
			}
			if opts.Baked[baking.Service], err = o.awaitBake(ctx, baking); err != nil {
				return err
			}
			continue
		}
		if err != nil || len(stages) == 0 {
			return err
		}
		return o.advance(ctx, stages, opts)
	}
}

// lockedUp is up under the lock of the stack, again where proxies do not follow what is written
// down.
func (o *Operator) lockedUp(ctx context.Context, p *compose.Project, im *lookup, opts plan.UpOptions, before *cluster.Snapshot) (stages []*stage, err error) {
	err = o.locked(ctx, "docker bluegreen up", opts.LockTimeout, func(ctx context.Context) (err error) {
		for try := 1; ; try++ {
			stages, err = o.up(ctx, p, im, opts, before)
			if !errors.Is(err, traffic.ErrDrift) || try == upTries {
				return err
			}
			was, err := o.ex.Observe(ctx)
			if err != nil {
				return err
			}
			if err := o.repairAll(ctx); err != nil {
				return err
			}
			is, err := o.ex.Observe(ctx)
			if err != nil {
				return err
			}
			if err := gaveBack(was, is, all); err != nil { // not once more what has just failed
				return err
			}
		}
	})
	return stages, err
}

// up carries out one up, and returns the releases that are to get more and more of the traffic.
// before is what was seen before the command waited for a guard, nil if it has not.
func (o *Operator) up(ctx context.Context, p *compose.Project, im *lookup, opts plan.UpOptions, before *cluster.Snapshot) ([]*stage, error) {
	if err := im.sendable(p, opts); err != nil {
		return nil, err
	}
	seen, err := o.tidy(ctx)
	// Proxies that have what they were told may lack only tasks to send to: this command brings
	// some.
	var late *cluster.UnconfirmedError
	again := errors.As(err, &late) && late.Unhealthy
	if again {
		o.ex.Warn("", "settle", "going on: %v", err)
	} else if err != nil {
		return nil, err
	}
	todo, _, err := o.planBaked(ctx, seen, p, im, opts, func(b *plan.BakingError) bool { return b.Route.Guard.Over(time.Now()) })
	if err != nil {
		return nil, err
	}
	if err := regiven(before, seen, todo); err != nil {
		return nil, err
	}
	if err := o.refuse(ctx, p, seen, todo, opts); err != nil {
		return nil, err
	}
	if err := todo.Confirmation(); err != nil && !opts.Yes {
		return nil, err
	}
	if err := o.verified(ctx, seen, todo); err != nil {
		return nil, o.orWentBack(ctx, seen, err)
	}
	if again { // by now they have something to send to
		if seen, err = o.tidy(ctx); err != nil {
			return nil, err
		}
		if err := o.standing(ctx, cluster.NewRecord(seen), slices.Sorted(maps.Keys(seen.BlueGreen))); err != nil {
			return nil, err
		}
	}
	if !todo.Changes() {
		o.ex.Done("", "up", "nothing to do: the swarm holds what the file says")
	}
	var stages []*stage
	for _, w := range todo.Waiting {
		o.ex.Done(w.Service, "up", "%s", w)
		switch {
		case w.Bakes && opts.Detach && !isOver(seen.BlueGreen[w.Service], w.Color):
			o.ex.Done(w.Service, "up", "run `docker bluegreen wait %s` to wait for the end of that", w.Service)
		case w.Steps || w.Bakes:
			stages = append(stages, &stage{Waiting: w})
		}
	}
	return stages, o.begin(ctx, stages)
}

// orWentBack is what to say of an error: that a guard has taken the traffic back, if it has.
func (o *Operator) orWentBack(ctx context.Context, seen *cluster.Snapshot, err error) error {
	if !errors.As(err, new(*traffic.WentBackError)) {
		return err
	}
	after, oerr := o.ex.ObserveServices(ctx)
	if oerr != nil {
		return err
	}
	return cmp.Or(gaveBack(seen, after, all), err)
}

// Plan tells what Up would do, and changes nothing: no lock is taken, and nothing is written.
func (o *Operator) Plan(ctx context.Context, p *compose.Project, opts plan.UpOptions) (plan.Plan, error) {
	im := newLookup(opts)
	if err := im.sendable(p, opts); err != nil {
		return plan.Plan{}, err
	}
	seen, err := o.ex.Observe(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	seen = servedForgotten(seen)
	todo, passed, err := o.planBaked(ctx, seen, p, im, opts, func(*plan.BakingError) bool { return true })
	var notes []string
	for _, b := range passed {
		if left := time.Until(time.Unix(b.Route.Guard.Until, 0)); left > 0 {
			notes = append(notes, fmt.Sprintf("service %s: the proxies still watch release %d: up first waits for that, %s, or begins at once with --skip-bake",
				b.Service, b.Release, left.Round(time.Second)))
		}
	}
	if err != nil || !todo.Changes() {
		return todo, err
	}
	f, err := preflight.Examine(ctx, o.ex.Cluster, p, seen, todo)
	if err != nil {
		return todo, err
	}
	todo.Notes = append(append(unsettled(seen, plan.Up), notes...), append(f.Problems, f.Warnings...)...)
	if err := todo.Confirmation(); err != nil && !opts.Yes {
		todo.Notes = append(todo.Notes, err.Why()+": up asks first, or needs --yes")
	}
	return todo, nil
}

// refuse is the error for a plan that cannot work as things are.
func (o *Operator) refuse(ctx context.Context, p *compose.Project, seen *cluster.Snapshot, todo plan.Plan, opts plan.UpOptions) error {
	if opts.SkipPreflight || !todo.Changes() {
		return nil
	}
	f, err := preflight.Examine(ctx, o.ex.Cluster, p, seen, todo)
	if err != nil {
		return err
	}
	for _, w := range f.Warnings {
		o.ex.Warn("", "preflight", "%s", w)
	}
	return f.Err()
}

// plan is the plan of an up for what was observed.
func (o *Operator) plan(ctx context.Context, seen *cluster.Snapshot, p *compose.Project, im *lookup, opts plan.UpOptions) (plan.Plan, error) {
	if err := o.tellUndone(p, seen, opts.Strict); err != nil {
		return plan.Plan{}, err
	}
	services, err := plan.Chosen(p, opts)
	if err != nil {
		return plan.Plan{}, err
	}
	if err := o.resolveImages(ctx, im, plan.Lookups(seen, services, opts.ResolveImage)); err != nil {
		return plan.Plan{}, err
	}
	seen, err = o.ex.CompareSecrets(ctx, seen, p)
	if err != nil {
		return plan.Plan{}, err
	}
	return plan.ForUp(p, seen, im.images, opts)
}

// planBaked is plan with the guards ended that may be passed over, and those. Another one is an
// error.
func (o *Operator) planBaked(ctx context.Context, seen *cluster.Snapshot, p *compose.Project, im *lookup, opts plan.UpOptions, may func(*plan.BakingError) bool,
) (todo plan.Plan, passed []*plan.BakingError, err error) {
	opts.Baked = maps.Clone(opts.Baked)
	if opts.Baked == nil {
		opts.Baked = map[string]bool{}
	}
	for {
		todo, err = o.plan(ctx, seen, p, im, opts)
		var baking *plan.BakingError
		if !errors.As(err, &baking) || opts.Baked[baking.Service] || !may(baking) {
			return todo, passed, err
		}
		opts.Baked[baking.Service] = true
		passed = append(passed, baking)
	}
}

// sendable is the error for services or credentials that are missing, before anything is changed.
func (im *lookup) sendable(p *compose.Project, opts plan.UpOptions) error {
	services, err := plan.Chosen(p, opts)
	if err != nil || !opts.WithRegistryAuth {
		return err
	}
	return im.credentials.sendable(services)
}

// unsettled tells what a command would settle before it plans.
func unsettled(s *cluster.Snapshot, command plan.Command) []string {
	who := "the " + string(command)
	if command == plan.Up {
		who = "an up"
	}
	var notes []string
	if c, ok := s.Configs[cluster.LockName(s.Stack)]; ok {
		notes = append(notes, fmt.Sprintf("another command works on the stack, so %s would wait for it: %s", who, c.Spec.Labels[labelOwner]))
	}
	if command == plan.Down {
		return notes
	}
	for _, name := range unfinished(s) {
		notes = append(notes, fmt.Sprintf("service %s: an earlier flip did not end: %s first asks the proxies for their route", name, who))
	}
	return notes
}

// unfinished are the services with a flip that has begun and not ended.
func unfinished(s *cluster.Snapshot) []string {
	var names []string
	for name, b := range s.BlueGreen {
		if b.Proxy != nil && b.Proxy.Spec.Labels[cluster.LabelNext] != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// tidy observes the stack and ends what an earlier command left unfinished: control jobs, flips,
// saved specs.
func (o *Operator) tidy(ctx context.Context) (*cluster.Snapshot, error) {
	seen, err := o.tidyUp(ctx)
	if err != nil {
		return seen, err
	}
	rec := cluster.NewRecord(seen)
	err = o.askGuards(ctx, rec)
	if err != nil {
		err = unlessInterrupted(ctx, err)
	}
	return rec.Snapshot(), err
}

// tidyUp is tidy without a question to the guards: whoever sends the traffic back anyway need not
// wait for it.
func (o *Operator) tidyUp(ctx context.Context) (*cluster.Snapshot, error) {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return nil, err
	}
	if s, err = o.replenish(ctx, s); err != nil {
		return nil, err
	}
	rec := cluster.NewRecord(s)
	for _, job := range s.Orders {
		if err := o.ex.Engine.ServiceRemove(ctx, job.ID); err != nil && !engine.NotFound(err) {
			return nil, fmt.Errorf("remove the leftover control job %s: %w", job.Spec.Name, err)
		}
	}
	if unfinished := unfinished(s); len(unfinished) > 0 {
		o.ex.Working("", "settle", "an earlier flip of %s did not end: asking the proxies", cluster.Sentence(unfinished))
		if _, err := o.ex.Settle(ctx, rec, unfinished); err != nil {
			return rec.Snapshot(), err
		}
		o.ex.Done("", "settle", "the earlier flip of %s has ended", cluster.Sentence(unfinished))
	}
	if err := o.repair(ctx, rec, outrun(rec.Snapshot())); err != nil {
		return rec.Snapshot(), err
	}
	if err := o.askRolledBack(ctx, rec); err != nil {
		return rec.Snapshot(), err
	}
	err = o.forgetServed(ctx, rec, s)
	return rec.Snapshot(), err
}

// replenish gives services their number of replicas back that a command left reduced, and observes
// the stack again if it had to.
func (o *Operator) replenish(ctx context.Context, s *cluster.Snapshot) (*cluster.Snapshot, error) {
	reduced := false
	for _, svc := range s.Services() {
		if svc.Spec.Labels[cluster.LabelReduced] == "" {
			continue
		}
		if _, err := o.ex.Replenish(ctx, &svc); err != nil {
			return nil, err
		}
		reduced = true
	}
	if !reduced {
		return s, nil
	}
	return o.ex.Observe(ctx)
}

// forgetServed removes saved specs of colors that serve by now.
func (o *Operator) forgetServed(ctx context.Context, rec *cluster.Record, s *cluster.Snapshot) error {
	for name := range s.BlueGreen {
		b := rec.Entry(name)
		if active := b.Active(); active != cluster.None {
			if err := o.ex.Forget(ctx, rec, b, active); err != nil {
				return err
			}
		}
	}
	return nil
}

// servedForgotten is a snapshot as it is once forgetServed has done its work.
func servedForgotten(s *cluster.Snapshot) *cluster.Snapshot {
	rec := cluster.NewRecord(s)
	rec.Note(func(s *cluster.Snapshot) {
		for _, b := range s.BlueGreen {
			delete(b.Saved, b.Active())
		}
	})
	return rec.Snapshot()
}

// outrun are the services of which a color became active by a later route than the one that is
// written down: somebody brought an older label back. A plan for that label would be a plan for a
// color that has no traffic.
func outrun(s *cluster.Snapshot) []string {
	var names []string
	for name, b := range s.BlueGreen {
		if b.Proxy == nil {
			continue
		}
		if route, err := b.Route(); err == nil && b.LastServed() > route.Sequence {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// askRolledBack asks proxies that somebody rolled back with docker for their route. That has
// brought the labels of before back: a route that was written down, or the mark of one that is not.
// Where no proxy runs, there is nobody to ask.
func (o *Operator) askRolledBack(ctx context.Context, rec *cluster.Record) error {
	var names []string
	for name, b := range rec.Snapshot().BlueGreen {
		if b.Proxy != nil && cluster.RolledBack(*b.Proxy) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	o.ex.Working("", "settle", "somebody rolled back the proxies of %s with docker: asking them for their route", cluster.Sentence(names))
	for _, name := range names { // each by itself: one without a proxy must not keep the others' answers back
		if _, err := o.ex.Settle(ctx, rec, []string{name}); err != nil && !errors.Is(err, traffic.ErrNoProxy) {
			return err
		}
	}
	return nil
}

// repairAll lets the labels of all services follow the proxies.
func (o *Operator) repairAll(ctx context.Context) error {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	return o.repair(ctx, cluster.NewRecord(s), slices.Sorted(maps.Keys(s.BlueGreen)))
}

// repair lets the labels of services follow the proxies.
func (o *Operator) repair(ctx context.Context, rec *cluster.Record, names []string) error {
	if len(names) == 0 {
		return nil
	}
	o.ex.Warn("", "settle", "the proxies follow another route than the label, as after `docker service rollback`: the label is corrected")
	_, err := o.ex.Settle(ctx, rec, names)
	return err
}
