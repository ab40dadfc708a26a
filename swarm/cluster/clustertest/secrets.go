package clustertest

import (
	"context"
	"errors"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// SecretEngine refuses other data than it has, and then other versions, as a manager does.
type SecretEngine struct {
	engine.API
	Secrets map[string]api.Secret
}

// SecretUpdate refuses, and says why as a manager does.
func (e *SecretEngine) SecretUpdate(_ context.Context, id string, v api.Version, s api.SecretSpec) error {
	for _, known := range e.Secrets {
		switch {
		case known.ID != id:
		case known.Spec.Name != s.Name || s.Data != nil && string(s.Data) != string(known.Spec.Data):
			return errors.New("rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
		case known.Version != v:
			return errors.New("rpc error: code = Unknown desc = update out of sequence")
		default:
			return errors.New("a comparison wrote to the swarm")
		}
	}
	return errors.New("no such secret")
}
