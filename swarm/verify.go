package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// verified carries out a plan. If a release that has the traffic fails its verification, all
// services that this plan has flipped go back, in one order.
func (o *Operator) verified(ctx context.Context, seen *cluster.Snapshot, todo plan.Plan) error {
	err := o.ex.Execute(ctx, seen, todo)
	var failed *cluster.UnhealthyError
	if !errors.As(err, &failed) || !failed.Verified || ctx.Err() != nil {
		return err
	}
	o.ex.Warn(failed.Service, "verify", "%s failed its test %s: traffic goes back", failed.Color, failed.Test)
	s, late := o.tidy(ctx)
	if late != nil {
		return errors.Join(err, fmt.Errorf("traffic did not go back: %w: run `docker bluegreen rollback`", late))
	}
	var flipped []string
	for _, step := range todo.Steps {
		moved := step.Do == plan.Flip || step.Do == plan.Verify && step.Service == failed.Service // by an earlier up
		if b := s.BlueGreen[step.Service]; moved && !slices.Contains(flipped, step.Service) && b != nil && b.Proxy != nil && b.Active() == step.Color {
			flipped = append(flipped, step.Service)
		}
	}
	if len(flipped) == 0 { // somebody else was faster
		return err
	}
	slices.Sort(flipped)
	back, late := plan.ForRollback(s, plan.FlipOptions{Services: flipped})
	if back.Cause = fmt.Sprintf("it failed its test %s", failed.Test); late == nil {
		late = o.ex.Execute(ctx, s, back)
	}
	if late != nil {
		return errors.Join(err, fmt.Errorf("traffic did not go back: %w: run `docker bluegreen rollback`", late))
	}
	failed.After = fmt.Sprintf("traffic of %s is back where it was before", cluster.Sentence(flipped))
	return err
}
