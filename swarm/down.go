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
	if err := anything(s); err != nil {
		return err
	}
	err = o.locked(ctx, "docker bluegreen down", opts.LockTimeout, o.down)
	if err != nil && ctx.Err() != nil { // whatever was interrupted
		return &cluster.InterruptedError{Left: "a part of stack " + o.ex.Stack + " is removed; run `docker bluegreen down` again for the rest"}
	}
	return err
}

func (o *Operator) down(ctx context.Context) error {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	return o.ex.Execute(ctx, s, plan.ForDown(s))
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
