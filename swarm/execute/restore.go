package execute

import (
	"context"
	"errors"
	"fmt"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// undoTime is how long a release that is given back may take until it runs.
const undoTime = 60 * time.Second

// undoColor gives the idle color the release that it held before, and removes one that held none.
func (r *run) undoColor(ctx context.Context, s plan.Step) (string, error) {
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
	return r.restore(ctx, r.known, b, s.Color)
}

// restore brings a color back to its saved release and waits, for a while, until it runs.
func (ex *Executor) restore(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color) (string, error) {
	saved := cluster.Clone(*b.Saved[c])
	step := "restore " + string(c)
	ex.Working(b.Name, step, "restoring release %d", cluster.ReleaseOf(saved))
	if err := ex.halt(ctx, rec, b, c, step); err != nil {
		return "", err
	}
	svc, err := ex.putBack(ctx, b.Colors[c], saved)
	if err != nil {
		return "", err
	}
	b.Colors[c] = svc
	text := fmt.Sprintf("%s holds release %d again", svc.Spec.Name, cluster.ReleaseOf(svc.Spec))
	if _, err := ex.Await(ctx, rec, cluster.Waiting{Service: b.Name, Color: c, Step: step, Svc: svc, Timeout: undoTime}); err != nil {
		var u *cluster.UnhealthyError
		if !errors.As(err, &u) {
			return "", err
		}
		return text + ", but it does not run: " + u.Cause, nil
	}
	return text, ex.Forget(ctx, rec, b, c)
}

// putBack writes a saved spec; a service whose mode is another by now is made anew.
func (ex *Executor) putBack(ctx context.Context, live *api.Service, saved api.ServiceSpec) (*api.Service, error) {
	if cluster.ModeOf(live.Spec) == cluster.ModeOf(saved) {
		return ex.Rewrite(ctx, live, func(spec *api.ServiceSpec) error {
			force := spec.TaskTemplate.ForceUpdate
			*spec = cluster.Clone(saved)
			spec.TaskTemplate.ForceUpdate = force
			return nil
		})
	}
	if err := ex.Engine.ServiceRemove(ctx, live.ID); err != nil && !engine.NotFound(err) {
		return nil, fmt.Errorf("remove service %s: %w", live.Spec.Name, err)
	}
	created, err := ex.Engine.ServiceCreate(ctx, cluster.Clone(saved), api.ServiceCreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create service %s: %w", saved.Name, err)
	}
	return ex.Inspect(ctx, created.ID)
}

// retireColor waits until nothing is in flight on the color that traffic has left, then keeps it
// warm or cold.
func (ex *Executor) retireColor(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color, settings bluegreen.Settings) error {
	route, err := b.Route()
	if err != nil {
		return err
	}
	ex.Working(b.Name, "drain "+string(c), "waiting for requests in flight")
	if err := ex.rest(ctx, rec, b, c, route, settings.Drain); err != nil {
		return err
	}
	if settings.Keep == bluegreen.KeepWarm {
		ex.Done(b.Name, "drain "+string(c), "drained, kept warm")
		return nil
	}
	svc, err := ex.Rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
		*spec = cluster.Stopped(*spec)
		return nil
	})
	if err == nil {
		b.Colors[c] = svc
		ex.Done(b.Name, "drain "+string(c), "drained, kept cold: scaled to 0")
	}
	return err
}
