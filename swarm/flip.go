package swarm

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Flip makes the idle colors active, of all services in one order. A service whose color is active
// already is left alone. It refuses, with the reason, when a color is missing, not in full number,
// or not ready in every proxy.
func (o *Operator) Flip(ctx context.Context, opts plan.FlipOptions) error {
	return o.move(ctx, plan.FlipTo, opts, plan.ForFlip)
}

// Rollback makes the colors active that were so before, whatever it takes: one that was scaled down
// is scaled up, a release that another took the place of is given back, and proxies that cannot be
// reached do not hinder it.
func (o *Operator) Rollback(ctx context.Context, opts plan.FlipOptions) error {
	defer o.ex.TellReceipts()
	return o.locked(ctx, "docker bluegreen rollback", opts.LockTimeout, func(ctx context.Context) error {
		if err := o.unmoved(ctx, opts); err != nil {
			return err
		}
		s, err := o.tidyUp(ctx)
		var late *cluster.UnconfirmedError
		if errors.As(err, &late) {
			o.ex.Warn("", "settle", "rolling back anyway: %v", err)
			err = nil
		}
		if err != nil {
			return err
		}
		opts.Tested = o.found
		err = o.turn(ctx, s, opts, plan.ForRollback)
		if late != nil && err == nil && slices.Contains(slices.Collect(maps.Values(s.Finished)), cluster.BeganByRollback) {
			return late // it was this rollback that proxies have not confirmed
		}
		return err
	})
}

// Promote makes the releases active that wait for it, of all services in one order. A service
// without one is left alone, so the same command does no harm when it is run again. It refuses as
// Flip does.
func (o *Operator) Promote(ctx context.Context, opts plan.FlipOptions) error {
	return o.move(ctx, plan.Promote, opts, plan.ForPromote)
}

// PlanPromote tells what Promote would do, and changes nothing.
func (o *Operator) PlanPromote(ctx context.Context, opts plan.FlipOptions) (plan.Plan, error) {
	return o.planned(ctx, func(s *cluster.Snapshot) (plan.Plan, error) { return plan.ForPromote(s, opts) })
}

// Canary gives the idle colors a share of the traffic, of all services in one order. A service that
// has this share already is left alone. It refuses as Flip does.
func (o *Operator) Canary(ctx context.Context, opts plan.FlipOptions) error {
	return o.move(ctx, plan.Canary, opts, plan.ForCanary)
}

// PlanCanary tells what Canary would do, and changes nothing.
func (o *Operator) PlanCanary(ctx context.Context, opts plan.FlipOptions) (plan.Plan, error) {
	return o.planned(ctx, func(s *cluster.Snapshot) (plan.Plan, error) { return plan.ForCanary(s, opts) })
}

// State lets requests wait, refuses them, or lets them through again, as command says: one of
// plan.Pause, plan.Resume, plan.Maintain, plan.Live. All services go in one order. A service that
// is in that state already is left alone.
func (o *Operator) State(ctx context.Context, command plan.Command, opts plan.FlipOptions) error {
	return o.move(ctx, command, opts, states[command])
}

// PlanState tells what State would do, and changes nothing.
func (o *Operator) PlanState(ctx context.Context, command plan.Command, opts plan.FlipOptions) (plan.Plan, error) {
	return o.planned(ctx, func(s *cluster.Snapshot) (plan.Plan, error) { return states[command](s, opts) })
}

var states = map[plan.Command]func(*cluster.Snapshot, plan.FlipOptions) (plan.Plan, error){
	plan.Pause: plan.ForPause, plan.Resume: plan.ForResume, plan.Maintain: plan.ForMaintenance, plan.Live: plan.ForLive,
}

// move ends what an earlier command left unfinished, and carries out a plan that moves traffic.
func (o *Operator) move(ctx context.Context, command plan.Command, opts plan.FlipOptions, find func(*cluster.Snapshot, plan.FlipOptions) (plan.Plan, error)) error {
	defer o.ex.TellReceipts()
	return o.locked(ctx, "docker bluegreen "+string(command), opts.LockTimeout, func(ctx context.Context) error {
		if err := o.unmoved(ctx, opts); err != nil {
			return err
		}
		s, err := o.tidy(ctx)
		if err != nil {
			return err
		}
		return o.turn(ctx, s, opts, find)
	})
}

// unmoved is a *plan.MovedError if the stack is not any more as it was when somebody agreed to a
// plan. It is asked with the lock, and before anything is settled: the plan was made before that,
// too.
func (o *Operator) unmoved(ctx context.Context, opts plan.FlipOptions) error {
	if opts.Expect == nil {
		return nil
	}
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	return opts.Unmoved(s)
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
	stay := slices.DeleteFunc(names, todo.Has)
	rec := cluster.NewRecord(s)
	err = o.standing(ctx, rec, stay)
	if errors.Is(err, traffic.ErrDrift) {
		if err := o.repair(ctx, rec, stay); err != nil {
			return err
		}
		return o.turn(ctx, rec.Snapshot(), opts, find)
	}
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	for _, name := range stay {
		active := s.BlueGreen[name].Active()
		route, _ := s.BlueGreen[name].Route() // it was read before
		switch todo.Command {
		case plan.Pause, plan.Resume, plan.Maintain, plan.Live:
			o.ex.Done(name, "state", "%s already", plan.InWords(route.State))
		case plan.Canary:
			o.ex.Done(name, "share", "%s gets no other share of the traffic than before", active.Other())
		case plan.Promote:
			o.ex.Done(name, "flip", "%s is active: no release waits for a promote", active)
		default:
			if todo.Command == plan.Rollback && route.Tripped {
				o.ex.Done(name, "flip", "%s is active: its guard has taken the traffic back already. To send it to %s all the same, run `docker bluegreen flip %s`", active, active.Other(), name)
				continue
			}
			o.ex.Done(name, "flip", "%s is active already", active)
		}
	}
	return o.ex.Execute(ctx, s, todo)
}

// unlessInterrupted is an error before which a command has moved nothing. What an interruption
// leads to says less than that there was one.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(context.Cause(ctx), cluster.ErrLockLost) {
		return err
	}
	return &cluster.InterruptedError{Left: "this command has moved nothing; run it again"}
}

// standing sees that every proxy confirms the route that is written down: the label alone may be
// one that somebody brought back. The error is that of Confirm.
func (o *Operator) standing(ctx context.Context, rec *cluster.Record, names []string) error {
	var moves []traffic.Move
	for _, name := range names {
		b := rec.Entry(name)
		if _, settled := rec.Snapshot().Finished[name]; settled || b.Proxy == nil {
			continue // confirmed just now
		}
		m, err := traffic.Standing(b)
		if err != nil {
			return err
		}
		moves = append(moves, m)
	}
	if len(moves) == 0 {
		return nil
	}
	return o.ex.Confirm(ctx, rec, moves, nil)
}
