package cluster

import (
	"context"
	"fmt"
	"maps"
	"sync"

	api "github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/errgroup"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// CompareSecrets finds out which version of each secret holds what the file says, and returns a
// snapshot that tells it.
func (cl *Cluster) CompareSecrets(ctx context.Context, seen *Snapshot, p *compose.Project) (*Snapshot, error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(Parallel)
	compared := seen.clone()
	compared.sameSecrets = map[string]bool{}
	for name, secret := range p.Secrets {
		if secret.External || secret.Spec.Driver != nil {
			continue
		}
		known := seen.VersionsOf(SecretKind, name)
		g.Go(func() error {
			for _, v := range known {
				same, err := cl.holds(ctx, seen.Secrets[v.Name], secret.Spec.Data)
				if err != nil {
					return fmt.Errorf("compare secret %s: %w", v.Name, err)
				}
				if same {
					mu.Lock()
					defer mu.Unlock()
					compared.sameSecrets[v.Name] = true
					return nil
				}
			}
			return nil
		})
	}
	return compared, g.Wait()
}

// holds asks the manager whether a secret has this content. A secret cannot be read back; but the
// manager refuses to write another content over it, and it looks at the content before it looks at
// the version that the writer has read (swarmkit, manager/controlapi/secret.go). The version given
// is an outdated one: so nothing is ever written.
func (cl *Cluster) holds(ctx context.Context, known api.Secret, data []byte) (bool, error) {
	if known.Spec.Driver != nil {
		return false, nil
	}
	spec := known.Spec
	spec.Data = data
	outdated := api.Version{Index: known.Version.Index - 1}
	err := cl.Engine.SecretUpdate(ctx, known.ID, outdated, spec)
	switch {
	case err == nil || engine.OutOfSequence(err):
		return true, nil
	case engine.OnlyLabels(err):
		return false, nil
	}
	return false, err
}

// SameSecret says whether a secret of the swarm is the one that the file wants, labels apart.
func (s *Snapshot) SameSecret(known, want api.SecretSpec) bool {
	if DriverName(known.Templating) != DriverName(want.Templating) {
		return false
	}
	if known.Driver == nil || want.Driver == nil {
		return known.Driver == want.Driver && s.sameSecrets[known.Name]
	}
	return known.Driver.Name == want.Driver.Name && maps.Equal(known.Driver.Options, want.Driver.Options)
}

// SameConfig says whether a config of the swarm is the one that the file wants, labels apart.
func SameConfig(known, want api.ConfigSpec) bool {
	return DriverName(known.Templating) == DriverName(want.Templating) && string(known.Data) == string(want.Data)
}
