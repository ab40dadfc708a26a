package compose

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/swarm"
)

// secretReferences carry names; whoever sends them fills in the ids.
func (m *model) secretReferences(s types.ServiceConfig) ([]*swarm.SecretReference, error) {
	refs := []*swarm.SecretReference{}
	targets := map[string]string{}
	for _, secret := range s.Secrets {
		object, ok := m.project.Secrets[secret.Source]
		if !ok {
			return nil, fmt.Errorf("%q is not defined: add it to the secrets at the top of the file", secret.Source)
		}
		file := fileTarget(types.FileReferenceConfig(secret))
		if other, ok := targets[file.Name]; ok {
			return nil, fmt.Errorf("%s and %s have the same target %s: give one of them another", other, secret.Source, file.Name)
		}
		targets[file.Name] = secret.Source
		target := swarm.SecretReferenceFileTarget(file)
		refs = append(refs, &swarm.SecretReference{
			File:       &target,
			SecretName: m.nameOf(secret.Source, object.Name, bool(object.External)),
		})
	}
	slices.SortStableFunc(refs, func(a, b *swarm.SecretReference) int { return cmp.Compare(a.SecretName, b.SecretName) })
	return refs, nil
}

// configReferences carry names; whoever sends them fills in the ids.
func (m *model) configReferences(s types.ServiceConfig) ([]*swarm.ConfigReference, error) {
	refs := []*swarm.ConfigReference{}
	targets := map[string]string{}
	for _, config := range s.Configs {
		object, ok := m.project.Configs[config.Source]
		if !ok {
			return nil, fmt.Errorf("%q is not defined: add it to the configs at the top of the file", config.Source)
		}
		file := fileTarget(types.FileReferenceConfig(config))
		if other, ok := targets[file.Name]; ok {
			return nil, fmt.Errorf("%s and %s have the same target %s: give one of them another", other, config.Source, file.Name)
		}
		targets[file.Name] = config.Source
		target := swarm.ConfigReferenceFileTarget(file)
		refs = append(refs, &swarm.ConfigReference{
			File:       &target,
			ConfigName: m.nameOf(config.Source, object.Name, bool(object.External)),
		})
	}
	if spec := s.CredentialSpec; spec != nil && spec.Config != "" {
		object := m.project.Configs[spec.Config]
		refs = append(refs, &swarm.ConfigReference{
			Runtime:    &swarm.ConfigReferenceRuntimeTarget{},
			ConfigName: m.nameOf(spec.Config, object.Name, bool(object.External)),
		})
	}
	slices.SortStableFunc(refs, func(a, b *swarm.ConfigReference) int { return cmp.Compare(a.ConfigName, b.ConfigName) })
	return refs, nil
}

type target struct {
	Name string
	UID  string
	GID  string
	Mode os.FileMode
}

func fileTarget(ref types.FileReferenceConfig) target {
	mode := os.FileMode(0o444)
	if ref.Mode != nil {
		mode = os.FileMode(*ref.Mode)
	}
	return target{
		Name: cmp.Or(ref.Target, ref.Source),
		UID:  cmp.Or(ref.UID, "0"),
		GID:  cmp.Or(ref.GID, "0"),
		Mode: mode,
	}
}

// credentialSpec names its config as it is on the swarm, where the API wants the id.
func (m *model) credentialSpec(spec *types.CredentialSpecConfig) (*swarm.CredentialSpec, error) {
	if spec == nil {
		return nil, nil
	}
	out := &swarm.CredentialSpec{File: spec.File, Registry: spec.Registry}
	given := 0
	for _, value := range []string{spec.Config, spec.File, spec.Registry} {
		if value != "" {
			given++
		}
	}
	switch {
	case given == 0:
		return nil, nil
	case given > 1:
		return nil, errors.New("config, file and registry exclude each other: keep one of them")
	}
	if spec.Config != "" {
		object, ok := m.project.Configs[spec.Config]
		if !ok {
			return nil, fmt.Errorf("config %q is not defined: add it to the configs at the top of the file", spec.Config)
		}
		out.Config = m.nameOf(spec.Config, object.Name, bool(object.External))
	}
	return out, nil
}
