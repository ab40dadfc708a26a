package execute

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// waits is how many steps that wait for tasks are carried out at once. They have places of their own: what a color needs
// to become healthy may be a plain service that is still to be created.
const waits = 64

// unit is what the executor does as one: a step, or all flips that go in one order.
type unit struct {
	steps []plan.Step
	after []int // positions in the part
}

// parts cuts a plan into lists of units, each to be begun when the one before is done: the phases, and of the clean-up
// each action by itself.
func parts(p plan.Plan) [][]unit {
	var parts [][]unit
	for begin := 0; begin < len(p.Steps); {
		end := begin
		for first := p.Steps[begin]; end < len(p.Steps) && p.Steps[end].Phase == first.Phase &&
			(first.Phase != plan.CleanUp || p.Steps[end].Do == first.Do); {
			end++
		}
		parts = append(parts, units(p.Steps[begin:end], begin))
		begin = end
	}
	return parts
}

// units joins the flips that as many flips must precede: they go in one order, and no circle can come of it. begin is
// the position of the first step in its plan.
func units(steps []plan.Step, begin int) []unit {
	var list []unit
	flips := make([]int, len(steps))  // how many flips lie before each step
	unitOf := make([]int, len(steps)) // position in list
	orders := map[int]int{}           // position in list by the number of flips before
	for i, s := range steps {
		for _, a := range s.After {
			before := flips[a-begin]
			if steps[a-begin].Do == plan.Flip {
				before++
			}
			flips[i] = max(flips[i], before)
		}
		at, known := orders[flips[i]]
		if s.Do != plan.Flip || !known {
			at = len(list)
			list = append(list, unit{})
		}
		if s.Do == plan.Flip {
			orders[flips[i]] = at
		}
		unitOf[i] = at
		list[at].steps = append(list[at].steps, s)
		for _, a := range s.After {
			list[at].after = append(list[at].after, unitOf[a-begin])
		}
	}
	return list
}

// part carries out units, each after those that it has to wait for. The first failure ends waits that go on beside,
// and nothing more is begun; but traffic that is just moving is not left half-way.
func (r *run) part(ctx context.Context, list []unit) error {
	g, gctx := errgroup.WithContext(ctx)
	done := make([]chan struct{}, len(list))
	for i := range done {
		done[i] = make(chan struct{})
	}
	changing, waiting := make(chan struct{}, cluster.Parallel), make(chan struct{}, waits)
	for i, u := range list {
		g.Go(func() error {
			for _, a := range u.after {
				if !await(gctx, done[a]) {
					return gctx.Err()
				}
			}
			places := waiting
			if quick(u.steps[0]) {
				places = changing
			}
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-gctx.Done():
				return gctx.Err()
			}
			uctx := gctx
			if movesTraffic(u.steps[0]) {
				uctx = ctx
			}
			err := r.unit(uctx, u)
			if err == nil {
				close(done[i])
			}
			return err
		})
	}
	return g.Wait()
}

func await(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (r *run) unit(ctx context.Context, u unit) error {
	if u.steps[0].Do == plan.Flip {
		return r.flip(ctx, u.steps)
	}
	s := u.steps[0]
	err := r.step(ctx, s)
	var failed *cluster.UnhealthyError
	if s.Optional && errors.As(err, &failed) {
		r.tolerate(s, err)
		return nil
	}
	return err
}

// quick says whether a step is done once it is written.
func quick(s plan.Step) bool {
	switch s.Do {
	case plan.CreatePlain, plan.UpdatePlain, plan.RunJob, plan.SendAuth:
		return true
	}
	return s.Phase == plan.Prepare
}

// movesTraffic says whether a step must not be ended by the failure of another.
func movesTraffic(s plan.Step) bool {
	return s.Do == plan.Flip || s.Do == plan.Retire || s.Do == plan.GiveBack
}
