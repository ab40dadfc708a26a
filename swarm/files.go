package swarm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	api "github.com/docker/docker/api/types/swarm"
)

// resolve replaces the names of networks, secrets and configs in a spec by their ids.
func (s *Observed) resolve(spec *api.ServiceSpec) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, n := range spec.TaskTemplate.Networks {
		if predefined(n.Target) {
			continue // the engine knows the swarm's host and bridge by name, and lists none of them
		}
		known, ok := s.Networks[n.Target]
		if !ok {
			return fmt.Errorf("service %s: network %s does not exist: create it with `docker network create --driver overlay %s`",
				spec.Name, n.Target, n.Target)
		}
		spec.TaskTemplate.Networks[i].Target = known.ID
	}
	c := spec.TaskTemplate.ContainerSpec
	for _, r := range c.Secrets {
		known, ok := s.Secrets[r.SecretName]
		if !ok {
			return fmt.Errorf("service %s: secret %s does not exist: create it with `docker secret create %s FILE`",
				spec.Name, r.SecretName, r.SecretName)
		}
		r.SecretID = known.ID
	}
	for _, r := range c.Configs {
		known, ok := s.Configs[r.ConfigName]
		if !ok {
			return fmt.Errorf("service %s: config %s does not exist: create it with `docker config create %s FILE`",
				spec.Name, r.ConfigName, r.ConfigName)
		}
		r.ConfigID = known.ID
		if p := c.Privileges; p != nil && p.CredentialSpec != nil && p.CredentialSpec.Config == r.ConfigName && r.Runtime != nil {
			p.CredentialSpec.Config = known.ID
		}
	}
	return nil
}

// ensureFiles creates the configs of generated files that the swarm does not have; their names tell the content.
func (o *Cluster) ensureFiles(ctx context.Context, s *Observed, files map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, content := range files {
		if _, ok := s.Configs[name]; ok {
			continue
		}
		spec := fileSpec(s.Stack, name, content)
		created, err := o.engine.ConfigCreate(ctx, spec)
		if err != nil {
			return fmt.Errorf("create config %s: %w", name, err)
		}
		s.Configs[name] = api.Config{ID: created.ID, Spec: spec}
	}
	return nil
}

// fileSpec is the config of a generated file.
func fileSpec(stack, name, content string) api.ConfigSpec {
	spec := api.ConfigSpec{
		Annotations: api.Annotations{Name: name, Labels: map[string]string{
			LabelNamespace: namespace(stack), LabelStack: stack, LabelRole: RoleFile}},
		Data: []byte(content),
	}
	if strings.Contains(content, "{{") {
		spec.Templating = &api.Driver{Name: "golang"}
	}
	return spec
}

// save writes down the spec of a color before a new release takes its place, so that it can be given back.
// What was saved before stays: then the color holds a release that never served.
func (o *Cluster) save(ctx context.Context, s *Observed, b *BlueGreen, c Color) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	svc := b.Colors[c]
	if svc == nil || b.Saved[c] != nil {
		return nil
	}
	spec := clone(svc.Spec)
	name := savedConfig(s.Stack, b.Name, c)
	config := api.ConfigSpec{
		Annotations: api.Annotations{Name: name, Labels: map[string]string{
			LabelNamespace: namespace(s.Stack), LabelStack: s.Stack, LabelRole: RoleSaved,
			LabelService: b.Name, LabelColor: string(c)}},
		Data: mustJSON(spec),
	}
	created, err := o.engine.ConfigCreate(ctx, config)
	if err != nil {
		return fmt.Errorf("save release %d of %s: %w", release(spec), svc.Spec.Name, err)
	}
	b.Saved[c] = &spec
	s.Configs[name] = api.Config{ID: created.ID, Spec: config}
	return nil
}

// forget removes what save wrote down for a color.
func (o *Cluster) forget(ctx context.Context, s *Observed, b *BlueGreen, c Color) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := savedConfig(s.Stack, b.Name, c)
	config, ok := s.Configs[name]
	if !ok {
		return nil
	}
	if err := o.engine.ConfigRemove(ctx, config.ID); err != nil && !notFound(err) {
		return fmt.Errorf("remove config %s: %w", name, err)
	}
	delete(b.Saved, c)
	delete(s.Configs, name)
	return nil
}

func decodeSaved(c api.Config) (*api.ServiceSpec, error) {
	var spec api.ServiceSpec
	if err := json.Unmarshal(c.Spec.Data, &spec); err != nil {
		return nil, fmt.Errorf("config %s cannot be read: %w: remove it with `docker config rm %s`", c.Spec.Name, err, c.Spec.Name)
	}
	return &spec, nil
}
