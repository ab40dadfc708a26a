package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

func fillSubnet(spec *api.ServiceSpec, subnet string) {
	c := spec.TaskTemplate.ContainerSpec
	for i, e := range c.Env {
		if strings.HasPrefix(e, haproxy.SubnetVariable+"=") {
			c.Env[i] = haproxy.SubnetVariable + "=" + subnet
		}
	}
}

func (s *Snapshot) resolve(spec *api.ServiceSpec) error {
	for i, n := range spec.TaskTemplate.Networks {
		if Predefined(n.Target) {
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

// EnsureFiles creates the configs of generated files that the swarm does not have; their names tell
// the content.
func (cl *Cluster) EnsureFiles(ctx context.Context, rec *Record, files map[string]string) error {
	for name, content := range files {
		// Steps side by side need the same files.
		if _, err, _ := rec.making.Do(name, func() (any, error) {
			return nil, cl.ensureConfig(ctx, rec, FileSpec(rec.Stack, name, content))
		}); err != nil {
			return fmt.Errorf("create config %s: %w", name, err)
		}
	}
	return nil
}

func (cl *Cluster) ensureConfig(ctx context.Context, rec *Record, spec api.ConfigSpec) error {
	if _, ok := rec.Config(spec.Name); ok {
		return nil
	}
	created, err := cl.Engine.ConfigCreate(ctx, spec)
	if err != nil {
		return err
	}
	rec.Note(func(s *Snapshot) { s.Configs[spec.Name] = api.Config{ID: created.ID, Spec: spec} })
	return nil
}

// FileSpec is the config of a generated file.
func FileSpec(stack, name, content string) api.ConfigSpec {
	spec := api.ConfigSpec{
		Annotations: api.Annotations{Name: name, Labels: map[string]string{
			LabelNamespace: Namespace(stack), LabelStack: stack, LabelRole: RoleFile}},
		Data: []byte(content),
	}
	// A maintenance page may have braces, too.
	if name == FileConfig(stack, haproxy.RouteFile, content) {
		spec.Templating = &api.Driver{Name: "golang"}
	}
	return spec
}

// Save writes down the spec of a color before a new release takes its place, so that it can be
// given back. What was saved before stays: then the color holds a release that never served.
func (cl *Cluster) Save(ctx context.Context, rec *Record, b *BlueGreen, c Color) error {
	svc := b.Colors[c]
	if svc == nil || b.Saved[c] != nil {
		return nil
	}
	spec := Clone(svc.Spec)
	name := savedConfig(rec.Stack, b.Name, c)
	config := api.ConfigSpec{
		Annotations: api.Annotations{Name: name, Labels: map[string]string{
			LabelNamespace: Namespace(rec.Stack), LabelStack: rec.Stack, LabelRole: RoleSaved,
			LabelService: b.Name, LabelColor: string(c)}},
		Data: MustJSON(spec),
	}
	created, err := cl.Engine.ConfigCreate(ctx, config)
	if err != nil {
		return fmt.Errorf("save release %d of %s: %w", ReleaseOf(spec), svc.Spec.Name, err)
	}
	b.Saved[c] = &spec
	rec.Note(func(s *Snapshot) { s.Configs[name] = api.Config{ID: created.ID, Spec: config} })
	return nil
}

// Forget removes what save wrote down for a color.
func (cl *Cluster) Forget(ctx context.Context, rec *Record, b *BlueGreen, c Color) error {
	name := savedConfig(rec.Stack, b.Name, c)
	config, ok := rec.Config(name)
	if !ok {
		return nil
	}
	if err := cl.Engine.ConfigRemove(ctx, config.ID); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("remove config %s: %w", name, err)
	}
	delete(b.Saved, c)
	rec.Note(func(s *Snapshot) { delete(s.Configs, name) })
	return nil
}

func decodeSaved(c api.Config) (*api.ServiceSpec, error) {
	var spec api.ServiceSpec
	if err := json.Unmarshal(c.Spec.Data, &spec); err != nil {
		return nil, fmt.Errorf("config %s cannot be read: %w: remove it with `docker config rm %s`", c.Spec.Name, err, c.Spec.Name)
	}
	return &spec, nil
}
