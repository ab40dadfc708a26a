package execute

import (
	"context"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// waits is how many steps that wait for tasks are carried out at once. They have places of their
// own: what a color needs to become healthy may be a plain service that is still to be created.
const waits = 64

// unit is what the executor does as one: a step, or all flips that go in one order.
type unit struct {
	steps []plan.Step
	after []int // positions in the part
}

// parts cuts a plan into lists of units, each to be begun when the one before is done: the phases,
// and of the clean-up each action by itself.
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

// units joins the flips that as many flips must precede, and the shares that as many flips and as
// many shares must: they go in one order. No circle can come of it, since both numbers only grow on
// the way from a step to one that waits for it. begin is the position of the first step in its
// plan.
func units(steps []plan.Step, begin int) []unit {
	var list []unit
	flips := make([]int, len(steps))  // how many flips lie before each step
	shares := make([]int, len(steps)) // and how many shares
	unitOf := make([]int, len(steps)) // position in list
	type order struct {
		do            plan.Action
		flips, shares int // before it; of shares before a flip none counts
	}
	orders := map[order]int{} // position in list
	for i, s := range steps {
		for _, a := range s.After {
			f, n := flips[a-begin], shares[a-begin]
			switch steps[a-begin].Do {
			case plan.Flip:
				f++
			case plan.Share:
				n++
			}
			flips[i], shares[i] = max(flips[i], f), max(shares[i], n)
		}
		ordered, key := s.Do.Ordered(), order{s.Do, flips[i], 0}
		if s.Do == plan.Share {
			key.shares = shares[i]
		}
		at, known := orders[key]
		if !ordered || !known {
			at = len(list)
			list = append(list, unit{})
		}
		if ordered {
			orders[key] = at
		}
		unitOf[i] = at
		list[at].steps = append(list[at].steps, s)
		for _, a := range s.After {
			list[at].after = append(list[at].after, unitOf[a-begin])
		}
	}
	return list
}

func await(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
