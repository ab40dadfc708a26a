package swarm

import (
	"context"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Down removes all that the stack made on the swarm, and waits until it is gone.
func (o *Operator) Down(ctx context.Context, opts DownOptions) error {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	_, lock := s.Configs[cluster.LockName(o.ex.Stack)]
	if err := anything(s); err != nil && !lock { // a lock may be all that a down has left
		return err
	}
	begun := false
	err = o.locked(ctx, "docker bluegreen down", opts.LockTimeout, func(ctx context.Context) error {
		s, err := o.ex.Observe(ctx)
		if err == nil {
			err = anything(s)
		}
		if err != nil || ctx.Err() != nil {
			return err
		}
		begun = true
		return o.ex.Execute(ctx, s, plan.ForDown(s))
	})
	switch {
	case ctx.Err() != nil && !begun:
		return &cluster.InterruptedError{Left: "nothing was done"}
	case ctx.Err() != nil && err != nil: // whatever was interrupted
		return &cluster.InterruptedError{Left: "a part of stack " + o.ex.Stack + " may be removed; run `docker bluegreen down` again for the rest"}
	}
	return err
}

// PlanDown tells what Down would do, and changes nothing.
func (o *Operator) PlanDown(ctx context.Context) (plan.Plan, error) {
	return o.planned(ctx, func(s *cluster.Snapshot) (plan.Plan, error) {
		if err := anything(s); err != nil {
			return plan.Plan{}, err
		}
		return plan.ForDown(s), nil
	})
}

// anything is the error for a stack of which the swarm holds nothing.
func anything(s *cluster.Snapshot) error {
	if s.Empty() && len(s.Owned()) == 0 {
		return s.NothingDeployed()
	}
	return nil
}
