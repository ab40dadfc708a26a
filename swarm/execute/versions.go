package execute

import (
	"context"
	"fmt"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// updateSecret writes a secret's labels. Its content is not sent: that says that it stays.
func (r *run) updateSecret(ctx context.Context, s plan.Step) error {
	known := r.known.Secret(s.Name)
	if err := r.Engine.SecretUpdate(ctx, known.ID, known.Version, s.Secret.Spec); err != nil {
		return changedMeanwhile("secret", s.Name, err)
	}
	r.Done("", "secret "+s.Name, "updated: %s", s.Cause)
	return nil
}

// updateConfig writes a config's labels.
func (r *run) updateConfig(ctx context.Context, s plan.Step) error {
	known, _ := r.known.Config(s.Name)
	if err := r.Engine.ConfigUpdate(ctx, known.ID, known.Version, s.Config.Spec); err != nil {
		return changedMeanwhile("config", s.Name, err)
	}
	r.Done("", "config "+s.Name, "updated: %s", s.Cause)
	return nil
}

func changedMeanwhile(kind, name string, err error) error {
	if engine.OutOfSequence(err) {
		return fmt.Errorf("update %s %s: somebody else changed it meanwhile: run the command again", kind, name)
	}
	return fmt.Errorf("update %s %s: %w", kind, name, err)
}

// removeVersion removes a secret or config that nothing uses any more. One that somebody has begun
// to use meanwhile stays, and so does every one while something does not serve that should.
func (r *run) removeVersion(ctx context.Context, s plan.Step) error {
	kind, remove := "secret", r.Engine.SecretRemove
	id := r.known.Secret(s.Name).ID
	if s.Do == plan.RemoveConfig {
		c, _ := r.known.Config(s.Name)
		kind, remove, id = "config", r.Engine.ConfigRemove, c.ID
	}
	r.mu.Lock()
	failed := r.tolerated != nil
	r.mu.Unlock()
	if failed {
		r.Done("", kind+" "+s.Name, "kept: a service failed")
		return nil
	}
	switch err := remove(ctx, id); {
	case (err == nil || engine.NotFound(err)) && r.plan.Command == plan.Down:
	case err == nil || engine.NotFound(err):
		r.Done("", kind+" "+s.Name, "removed: %s", s.Cause)
	case engine.InUse(err) && r.plan.Command != plan.Down:
		r.Done("", kind+" "+s.Name, "kept: it is in use again")
	default:
		return fmt.Errorf("remove %s %s: %w", kind, s.Name, err)
	}
	return nil
}
