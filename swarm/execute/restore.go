package execute

import (
	"context"
	"errors"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// restore brings a color back to its saved release and waits, for a while, until it runs.
func (ex *Executor) restore(ctx context.Context, rec *cluster.Record, b *cluster.BlueGreen, c cluster.Color) (string, error) {
	saved := cluster.Clone(*b.Saved[c])
	cluster.SetLabels(&saved, map[string]string{cluster.LabelWithdrawn: b.Colors[c].Spec.Labels[cluster.LabelWithdrawn]}) // until all is done
	step := "restore " + string(c)
	ex.Working(b.Name, step, "restoring release %d", cluster.ReleaseOf(saved))
	idle, err := ex.clear(ctx, rec, b, c)
	if err != nil {
		return "", err
	}
	if err := ex.halt(ctx, rec, idle, step); err != nil {
		return "", err
	}
	if err := ex.putBack(ctx, idle, saved); err != nil {
		return "", err
	}
	svc := b.Colors[c]
	text := fmt.Sprintf("%s holds release %d again", svc.Spec.Name, cluster.ReleaseOf(svc.Spec))
	if _, err := ex.Await(ctx, rec, cluster.Waiting{Service: b.Name, Color: c, Step: step, Svc: svc, Timeout: undoTime}); err != nil {
		var u *cluster.UnhealthyError
		if !errors.As(err, &u) {
			return "", err
		}
		return text + ", but it does not run: " + u.Cause, ex.unmarkWithdrawn(ctx, b, c)
	}
	if err := ex.Forget(ctx, rec, b, c); err != nil {
		return text, err
	}
	return text, ex.unmarkWithdrawn(ctx, b, c)
}

// putBack writes a saved spec; a service whose mode is another by now is made anew.
func (ex *Executor) putBack(ctx context.Context, idle clearance, saved api.ServiceSpec) error {
	if cluster.ModeOf(idle.service().Spec) == cluster.ModeOf(saved) {
		return ex.replace(ctx, idle, func(spec *api.ServiceSpec) {
			force := spec.TaskTemplate.ForceUpdate
			*spec = cluster.Clone(saved)
			spec.TaskTemplate.ForceUpdate = force
		})
	}
	if err := ex.discard(ctx, idle); err != nil {
		return err
	}
	created, err := ex.Engine.ServiceCreate(ctx, cluster.Clone(saved), api.ServiceCreateOptions{})
	if err != nil {
		return fmt.Errorf("create service %s: %w", saved.Name, err)
	}
	svc, err := ex.Inspect(ctx, created.ID)
	if err == nil {
		idle.b.Colors[idle.c] = svc
	}
	return err
}

// unmarkWithdrawn notes that the withdrawal of a release has ended, if there was one.
func (ex *Executor) unmarkWithdrawn(ctx context.Context, b *cluster.BlueGreen, c cluster.Color) error {
	if b.Colors[c].Spec.Labels[cluster.LabelWithdrawn] == "" {
		return nil
	}
	svc, err := ex.Relabel(ctx, b.Colors[c], map[string]string{cluster.LabelWithdrawn: ""})
	if err == nil {
		b.Colors[c] = svc
	}
	return err
}
