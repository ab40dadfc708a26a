package swarm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// secretsUnchanged refuses a project with a secret whose content is another than the swarm's. A secret cannot be read
// back; but the manager takes an update with the same data and labels, which changes nothing, and refuses other data.
func (o *Operator) secretsUnchanged(ctx context.Context, seen *Observed, p *compose.Project) error {
	for _, name := range slices.Sorted(maps.Keys(p.Secrets)) {
		known, exists := seen.Secrets[name]
		if !exists || p.Secrets[name].External || p.Secrets[name].Spec.Driver != nil {
			continue
		}
		spec := known.Spec
		spec.Data = p.Secrets[name].Spec.Data
		err := o.engine.SecretUpdate(ctx, known.ID, known.Version, spec)
		if err != nil && strings.Contains(err.Error(), "only updates to Labels are allowed") {
			return fmt.Errorf("secret %s: its content changed, and Swarm cannot change a secret: give it a new name in the file (`name:`)", name)
		}
		if err != nil && !outOfSequence(err) {
			return fmt.Errorf("compare secret %s: %w", name, err)
		}
	}
	return nil
}
