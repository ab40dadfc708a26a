package swarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// undoTime is how long a release that is given back may take until it runs.
const undoTime = 60 * time.Second

// undoColor gives the idle color the release that it held before, and removes one that held none.
func (r *run) undoColor(ctx context.Context, s Step) (string, error) {
	b := r.blueGreen(s.Service)
	live, saved := b.Colors[s.Color], b.Saved[s.Color]
	switch {
	case live == nil:
		return s.Name + " was not created", nil
	case saved == nil && !r.existed[s.Name]:
		delete(b.Colors, s.Color)
		return s.Name + " was removed again", r.remove(ctx, live)
	case saved == nil:
		return s.Name + " was left as it is", nil
	}
	return r.restore(ctx, r.seen, b, s.Color)
}

// restore brings a color back to its saved release and waits, for a while, until it runs.
func (o *Executor) restore(ctx context.Context, s *Observed, b *BlueGreen, c Color) (string, error) {
	saved := clone(*b.Saved[c])
	step := "restore " + string(c)
	o.working(b.Name, step, "giving back release %d", release(saved))
	if err := o.halt(ctx, s, b, c, step); err != nil {
		return "", err
	}
	svc, err := o.putBack(ctx, b.Colors[c], saved)
	if err != nil {
		return "", err
	}
	b.Colors[c] = svc
	text := fmt.Sprintf("%s holds release %d again", svc.Spec.Name, release(svc.Spec))
	if _, err := o.await(ctx, s, waiting{Service: b.Name, Color: c, Step: step, Svc: svc, Timeout: undoTime}); err != nil {
		var u *UnhealthyError
		if !errors.As(err, &u) {
			return "", err
		}
		return text + ", but it does not run: " + u.Cause, nil
	}
	return text, o.forget(ctx, s, b, c)
}

// putBack writes a saved spec; a service whose mode is another by now is made anew.
func (o *Executor) putBack(ctx context.Context, live *api.Service, saved api.ServiceSpec) (*api.Service, error) {
	if modeOf(live.Spec) == modeOf(saved) {
		return o.rewrite(ctx, live, func(spec *api.ServiceSpec) error {
			force := spec.TaskTemplate.ForceUpdate
			*spec = clone(saved)
			spec.TaskTemplate.ForceUpdate = force
			return nil
		})
	}
	if err := o.engine.ServiceRemove(ctx, live.ID); err != nil && !notFound(err) {
		return nil, fmt.Errorf("remove service %s: %w", live.Spec.Name, err)
	}
	created, err := o.engine.ServiceCreate(ctx, clone(saved), api.ServiceCreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create service %s: %w", saved.Name, err)
	}
	return o.inspect(ctx, created.ID)
}

// retireColor waits until nothing is in flight on the color that traffic has left, then keeps it warm or cold.
func (o *Executor) retireColor(ctx context.Context, s *Observed, b *BlueGreen, c Color, settings compose.Settings) error {
	route, err := b.route()
	if err != nil {
		return err
	}
	o.working(b.Name, "drain "+string(c), "waiting for requests in flight")
	if err := o.rest(ctx, s, b, c, route, settings.Drain); err != nil {
		return err
	}
	if settings.Keep == compose.KeepWarm {
		o.done(b.Name, "drain "+string(c), "at rest, kept warm")
		return nil
	}
	svc, err := o.rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
		*spec = stopped(*spec)
		return nil
	})
	if err == nil {
		b.Colors[c] = svc
		o.done(b.Name, "drain "+string(c), "at rest, kept cold: scaled to 0")
	}
	return err
}
