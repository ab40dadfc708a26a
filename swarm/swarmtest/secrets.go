package swarmtest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	api "github.com/docker/docker/api/types/swarm"
)

// SecretCreate makes a secret of a name that is free.
func (s *Swarm) SecretCreate(_ context.Context, spec api.SecretSpec) (api.SecretCreateResponse, error) {
	if err := s.write("SecretCreate", spec.Name); err != nil {
		return api.SecretCreateResponse{}, err
	}
	defer s.mu.Unlock()
	for _, x := range s.secrets {
		if x.Spec.Name == spec.Name {
			return api.SecretCreateResponse{}, exists("secret", spec.Name)
		}
	}
	x := &api.Secret{ID: s.id("secret"), Meta: s.meta(api.Meta{}), Spec: deep(spec)}
	s.secrets[x.ID] = x
	return api.SecretCreateResponse{ID: x.ID}, nil
}

// SecretUpdate writes the labels of a secret. Like the manager it looks at the content first, and
// at the version only then.
func (s *Swarm) SecretUpdate(_ context.Context, id string, v api.Version, spec api.SecretSpec) error {
	if err := s.write("SecretUpdate", spec.Name); err != nil {
		return err
	}
	defer s.mu.Unlock()
	x := s.secrets[id]
	switch {
	case x == nil:
		return missing("secret", id)
	case spec.Data != nil && string(spec.Data) != string(x.Spec.Data):
		return errors.New("rpc error: code = InvalidArgument desc = only updates to Labels are allowed")
	case x.Version != v:
		return errSequence
	}
	x.Spec.Labels, x.Meta = deep(spec.Labels), s.meta(x.Meta)
	return nil
}

// SecretRemove removes a secret that no service refers to.
func (s *Swarm) SecretRemove(_ context.Context, id string) error {
	if err := s.write("SecretRemove", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.secrets[id] == nil {
		return missing("secret", id)
	}
	for _, svc := range s.services {
		if slices.ContainsFunc(svc.Spec.TaskTemplate.ContainerSpec.Secrets, func(r *api.SecretReference) bool { return r.SecretID == id }) {
			return fmt.Errorf("secret %s is in use by the following service: %s", id, svc.Spec.Name)
		}
	}
	delete(s.secrets, id)
	return nil
}
