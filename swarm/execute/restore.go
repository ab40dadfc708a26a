package execute

import (
	"context"
	"errors"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

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
