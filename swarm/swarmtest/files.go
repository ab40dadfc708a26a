package swarmtest

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/events"
	api "github.com/docker/docker/api/types/swarm"
)

// ConfigList lists the configs, those of which a name begins so where names are asked for.
func (s *Swarm) ConfigList(_ context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	s.read("ConfigList")
	defer s.mu.Unlock()
	var out []api.Config
	for _, c := range s.configs {
		if matches(o.Filters, "name", c.Spec.Name) && o.Filters.MatchKVList("label", c.Spec.Labels) {
			out = append(out, deep(*c))
		}
	}
	slices.SortFunc(out, func(a, b api.Config) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// ConfigCreate makes a config of a name that is free.
func (s *Swarm) ConfigCreate(_ context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	if err := s.write("ConfigCreate", spec.Name); err != nil {
		return api.ConfigCreateResponse{}, err
	}
	defer s.mu.Unlock()
	for _, c := range s.configs {
		if c.Spec.Name == spec.Name {
			return api.ConfigCreateResponse{}, exists("config", spec.Name)
		}
	}
	c := &api.Config{ID: s.id("config"), Meta: s.meta(api.Meta{}), Spec: deep(spec)}
	s.configs[c.ID] = c
	s.emit(events.ConfigEventType, events.ActionCreate, c.ID, spec.Name)
	return api.ConfigCreateResponse{ID: c.ID}, nil
}

// ConfigUpdate writes the labels of a config; what is in it stays.
func (s *Swarm) ConfigUpdate(_ context.Context, id string, v api.Version, spec api.ConfigSpec) error {
	if err := s.write("ConfigUpdate", spec.Name); err != nil {
		return err
	}
	defer s.mu.Unlock()
	c := s.configs[id]
	switch {
	case c == nil:
		return missing("config", id)
	case c.Spec.Name != spec.Name || spec.Data != nil && !bytes.Equal(spec.Data, c.Spec.Data):
		return invalid("only updates to Labels are allowed")
	case c.Version != v:
		return errSequence
	}
	c.Spec.Labels, c.Meta = deep(spec.Labels), s.meta(c.Meta)
	s.emit(events.ConfigEventType, events.ActionUpdate, id, spec.Name)
	return nil
}

// ConfigRemove removes a config that no service refers to.
func (s *Swarm) ConfigRemove(_ context.Context, id string) error {
	if err := s.write("ConfigRemove", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.configs[id] == nil {
		return missing("config", id)
	}
	for _, svc := range s.services {
		if slices.ContainsFunc(svc.Spec.TaskTemplate.ContainerSpec.Configs, func(r *api.ConfigReference) bool { return r.ConfigID == id }) {
			return invalid("config '%s' is in use by the following service: %s", s.configs[id].Spec.Name, svc.Spec.Name)
		}
	}
	s.emit(events.ConfigEventType, events.ActionRemove, id, s.configs[id].Spec.Name)
	delete(s.configs, id)
	return nil
}

// SecretList lists the secrets, without what is in them.
func (s *Swarm) SecretList(context.Context, api.SecretListOptions) ([]api.Secret, error) {
	s.read("SecretList")
	defer s.mu.Unlock()
	var out []api.Secret
	for _, x := range s.secrets {
		c := deep(*x)
		c.Spec.Data = nil
		out = append(out, c)
	}
	return out, nil
}

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

// SecretUpdate writes the labels of a secret; what is in it stays.
func (s *Swarm) SecretUpdate(_ context.Context, id string, v api.Version, spec api.SecretSpec) error {
	if err := s.write("SecretUpdate", spec.Name); err != nil {
		return err
	}
	defer s.mu.Unlock()
	x := s.secrets[id]
	switch {
	case x == nil:
		return missing("secret", id)
	case x.Spec.Name != spec.Name || spec.Data != nil && !bytes.Equal(spec.Data, x.Spec.Data):
		return invalid("only updates to Labels are allowed")
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
			return invalid("secret '%s' is in use by the following service: %s", s.secrets[id].Spec.Name, svc.Spec.Name)
		}
	}
	delete(s.secrets, id)
	return nil
}
