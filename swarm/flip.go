package swarm

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Flip makes the idle colors active, of all services in one order. A service whose color is active
// already is left alone. It refuses, with the reason, when a color is missing, not in full number,
// or not ready in every proxy.
func (o *Operator) Flip(ctx context.Context, opts plan.FlipOptions) error {
	return o.locked(ctx, "docker bluegreen flip", opts.LockTimeout, func(ctx context.Context) error {
		s, err := o.tidy(ctx)
		if err != nil {
			return err
		}
		return o.turn(ctx, s, opts, plan.ForFlip)
	})
}

// Rollback makes the colors active that were so before, whatever it takes: one that was scaled down
// is scaled up, a release that another took the place of is given back, and proxies that cannot be
// reached do not hinder it.
func (o *Operator) Rollback(ctx context.Context, opts plan.FlipOptions) error {
	return o.locked(ctx, "docker bluegreen rollback", opts.LockTimeout, func(ctx context.Context) error {
		s, err := o.tidy(ctx)
		var late *cluster.UnconfirmedError
		if errors.As(err, &late) {
			o.ex.Warn("", "settle", "rolling back anyway: %v", err)
			err = nil
		}
		if err != nil {
			return err
		}
		err = o.turn(ctx, s, opts, plan.ForRollback)
		if late != nil && err == nil && slices.Contains(slices.Collect(maps.Values(s.Finished)), cluster.BeganByRollback) {
			return late // it was this rollback that proxies have not confirmed
		}
		return err
	})
}

// PlanFlip tells what Flip would do, and changes nothing.
func (o *Operator) PlanFlip(ctx context.Context, opts plan.FlipOptions) (plan.Plan, error) {
	return o.planned(ctx, func(s *cluster.Snapshot) (plan.Plan, error) { return plan.ForFlip(s, opts) })
}

// PlanRollback tells what Rollback would do, and changes nothing.
func (o *Operator) PlanRollback(ctx context.Context, opts plan.FlipOptions) (plan.Plan, error) {
	return o.planned(ctx, func(s *cluster.Snapshot) (plan.Plan, error) { return plan.ForRollback(s, opts) })
}

// planned makes a plan from what the swarm holds now, with notes about what its command would
// settle first.
func (o *Operator) planned(ctx context.Context, find func(*cluster.Snapshot) (plan.Plan, error)) (plan.Plan, error) {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return plan.Plan{}, err
	}
	p, err := find(s)
	p.Notes = unsettled(s, p.Command)
	return p, err
}

// turn moves the wanted services to the colors that a plan finds for them.
func (o *Operator) turn(ctx context.Context, s *cluster.Snapshot, opts plan.FlipOptions, find func(*cluster.Snapshot, plan.FlipOptions) (plan.Plan, error)) error {
	todo, err := find(s, opts)
	if err != nil {
		return err
	}
	names, err := s.Names(opts.Services)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !todo.Has(name) {
			o.ex.Done(name, "flip", "%s is active already", s.BlueGreen[name].Active())
		}
	}
	return o.ex.Execute(ctx, s, todo)
}
