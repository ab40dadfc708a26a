package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// upTries is how often an up starts over when the proxies turn out to follow another route than the one written down.
const upTries = 3

// Up makes the swarm hold what the project says: new versions go to the idle colors, and traffic follows once
// every proxy sees them ready. Errors are *UnhealthyError, *UnconfirmedError, *InterruptedError, or say themselves
// what is wrong with the project or the swarm.
func (o *Operator) Up(ctx context.Context, p *compose.Project, opts UpOptions) error {
	im := newLookup(opts)
	if opts.WithRegistryAuth {
		o.engine = authWrites{o.engine, im.credentials}
	}
	return o.locked(ctx, "docker bluegreen up", opts.LockTimeout, func(ctx context.Context) error {
		for try := 1; ; try++ {
			err := o.up(ctx, p, im, opts)
			if !errors.Is(err, errDrift) || try == upTries {
				return err
			}
			if err := o.mend(ctx); err != nil {
				return err
			}
		}
	})
}

func (o *Operator) up(ctx context.Context, p *compose.Project, im *lookup, opts UpOptions) error {
	if err := im.sendable(p, opts); err != nil {
		return err
	}
	seen, err := o.tidy(ctx)
	if err != nil {
		return err
	}
	plan, err := o.plan(ctx, seen, p, im, opts)
	if err != nil {
		return err
	}
	if err := o.refuse(ctx, p, seen, plan, opts); err != nil {
		return err
	}
	if err := plan.confirmation(); err != nil && !opts.Yes {
		return err
	}
	if err := o.execute(ctx, seen, plan); err != nil {
		return err
	}
	if !plan.Changes() {
		o.done("", "up", "nothing to do: the swarm holds what the file says")
	}
	if opts.NoFlip {
		o.tellReady(plan)
	}
	return nil
}

// Plan tells what Up would do, and changes nothing: no lock is taken, and nothing is written.
func (o *Operator) Plan(ctx context.Context, p *compose.Project, opts UpOptions) (Plan, error) {
	im := newLookup(opts)
	if err := im.sendable(p, opts); err != nil {
		return Plan{}, err
	}
	seen, err := o.observe(ctx)
	if err != nil {
		return Plan{}, err
	}
	for _, b := range seen.BlueGreen {
		delete(b.Saved, b.active()) // as an up does first
	}
	plan, err := o.plan(ctx, seen, p, im, opts)
	if err != nil || !plan.Changes() {
		return plan, err
	}
	f, err := examine(ctx, o.Cluster, p, seen, plan)
	if err != nil {
		return plan, err
	}
	plan.Notes = append(unsettled(seen), append(f.problems, f.warnings...)...)
	if err := plan.confirmation(); err != nil && !opts.Yes {
		plan.Notes = append(plan.Notes, err.Why()+": an up asks first, or wants --yes")
	}
	return plan, nil
}

// refuse is the error for a plan that cannot work as things are.
func (o *Operator) refuse(ctx context.Context, p *compose.Project, seen *Observed, plan Plan, opts UpOptions) error {
	if opts.SkipPreflight || !plan.Changes() {
		return nil
	}
	f, err := examine(ctx, o.Cluster, p, seen, plan)
	if err != nil {
		return err
	}
	for _, w := range f.warnings {
		o.warn("", "preflight", "%s", w)
	}
	return f.err()
}

// plan is the plan of an up for what was observed.
func (o *Operator) plan(ctx context.Context, seen *Observed, p *compose.Project, im *lookup, opts UpOptions) (Plan, error) {
	if err := o.tellUndone(p, seen, opts.Strict); err != nil {
		return Plan{}, err
	}
	services, err := chosen(p, opts)
	if err != nil {
		return Plan{}, err
	}
	if err := o.resolveImages(ctx, im, lookups(seen, services, opts.ResolveImage)); err != nil {
		return Plan{}, err
	}
	if err := o.compareSecrets(ctx, seen, p); err != nil {
		return Plan{}, err
	}
	return makePlan(p, seen, im.images, opts)
}

// sendable is the error for services or credentials that cannot be had, before anything is changed.
func (im *lookup) sendable(p *compose.Project, opts UpOptions) error {
	services, err := chosen(p, opts)
	if err != nil || !opts.WithRegistryAuth {
		return err
	}
	return im.credentials.sendable(services)
}

// unsettled tells what an up would settle before it plans.
func unsettled(s *Observed) []string {
	var notes []string
	if c, ok := s.Configs[lockName(s.Stack)]; ok {
		notes = append(notes, fmt.Sprintf("another command works on the stack, an up would wait for it: %s", c.Spec.Labels[labelOwner]))
	}
	for _, name := range unfinished(s) {
		notes = append(notes, fmt.Sprintf("service %s: an earlier flip did not end: an up asks the proxies first which way it went", name))
	}
	return notes
}

// unfinished are the services with a flip that has begun and not ended.
func unfinished(s *Observed) []string {
	var names []string
	for name, b := range s.BlueGreen {
		if b.Proxy != nil && b.Proxy.Spec.Labels[LabelNext] != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// tellReady says which colors wait for a flip.
func (o *Operator) tellReady(plan Plan) {
	for _, s := range plan.Steps {
		if s.Do == StartColor {
			o.done(s.Service, "up", "release %d is ready on %s: `docker bluegreen flip %s` makes it active", s.Release, s.Color, s.Service)
		}
	}
}

// tidy observes the stack and ends what an earlier command left unfinished: control jobs, flips, saved specs.
func (o *Operator) tidy(ctx context.Context) (*Observed, error) {
	s, err := o.observe(ctx)
	if err != nil {
		return nil, err
	}
	for _, job := range s.Orders {
		if err := o.engine.ServiceRemove(ctx, job.ID); err != nil && !notFound(err) {
			return nil, fmt.Errorf("remove the leftover control job %s: %w", job.Spec.Name, err)
		}
	}
	if unfinished := unfinished(s); len(unfinished) > 0 {
		o.working("", "settle", "an earlier flip of %s did not end: asking the proxies", sentence(unfinished))
		if _, err := o.settle(ctx, s, unfinished); err != nil {
			return s, err
		}
		o.done("", "settle", "the earlier flip of %s is settled", sentence(unfinished))
	}
	return s, o.forgetServed(ctx, s)
}

// forgetServed removes saved specs of colors that serve by now.
func (o *Operator) forgetServed(ctx context.Context, s *Observed) error {
	for _, b := range s.BlueGreen {
		if active := b.active(); active != None {
			if err := o.forget(ctx, s, b, active); err != nil {
				return err
			}
		}
	}
	return nil
}

// mend lets the labels follow the proxies.
func (o *Operator) mend(ctx context.Context) error {
	s, err := o.observe(ctx)
	if err != nil {
		return err
	}
	names := slices.Sorted(maps.Keys(s.BlueGreen))
	o.warn("", "settle", "the proxies follow another route than the one written down, as after `docker service rollback`: the labels are mended")
	_, err = o.settle(ctx, s, names)
	return err
}
