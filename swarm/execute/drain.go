package execute

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// retire lets the old color come to rest and carries out what is to be kept of it.
func (r *run) retire(ctx context.Context, s plan.Step) error {
	b := r.blueGreen(s.Service)
	if b.Colors[s.Color] == nil {
		return nil
	}
	if _, err := standingBeside(b, s.Color); err != nil {
		return err
	}
	err := r.retireColor(ctx, b, s.Color, *s.Settings)
	if err == nil || r.plan.Command == plan.Up || ctx.Err() != nil {
		return err
	}
	// The same flip again would be one more.
	after := fmt.Sprintf("%s is active and %s runs on: the next `docker bluegreen up` scales it to 0", s.Color.Other(), s.Color)
	var late *cluster.UnconfirmedError
	if errors.As(err, &late) {
		return &cluster.UnconfirmedError{Service: late.Service, Proxies: late.Proxies, After: after}
	}
	return fmt.Errorf("%w\nservice %s: %s", err, b.Name, after)
}

// retireColor waits until nothing is in flight on the color that traffic has left, then keeps it
// warm or cold.
func (r *run) retireColor(ctx context.Context, b *cluster.BlueGreen, c cluster.Color, settings bluegreen.Settings) error {
	step := "drain " + string(c)
	r.Working(b.Name, step, "waiting for requests in flight")
	idle, err := r.rest(ctx, r.known, b, c, settings.Drain)
	if err != nil {
		return err
	}
	if settings.Keep == bluegreen.KeepWarm {
		r.Done(b.Name, step, "drained, kept warm")
		return nil
	}
	if err := r.stop(ctx, idle); err != nil {
		return err
	}
	r.Done(b.Name, step, "drained, kept cold: scaled to 0")
	return nil
}
