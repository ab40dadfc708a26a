package swarm

import (
	"fmt"
	"maps"
	"slices"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// current are the names of the versions that hold what the file says, by base name.
type current struct{ secrets, configs map[string]string }

// files plans the secrets and configs that the chosen services use, all of the file where none is named, and lets the
// services refer to the versions of them that hold what the file says.
func (pl *planner) files() error {
	pl.current = current{secrets: map[string]string{}, configs: map[string]string{}}
	wanted := use{}
	for _, svc := range pl.chosen {
		wanted.add(&svc.Spec)
	}
	unused := func(kind, name string) bool { return len(pl.opts.Services) > 0 && !wanted[kind+" "+name] }
	for _, name := range slices.Sorted(maps.Keys(pl.project.Secrets)) {
		if s := pl.project.Secrets[name]; unused(secretKind, name) {
			continue
		} else if _, exists := pl.seen.Secrets[name]; s.External && !exists {
			return fmt.Errorf("secret %s is external and does not exist: create it with `docker secret create %s FILE`", name, name)
		} else if !s.External {
			pl.secret(name, s.Spec)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pl.project.Configs)) {
		if c := pl.project.Configs[name]; unused(configKind, name) {
			continue
		} else if _, exists := pl.seen.Configs[name]; c.External && !exists {
			return fmt.Errorf("config %s is external and does not exist: create it with `docker config create %s FILE`", name, name)
		} else if !c.External {
			pl.config(name, c.Spec)
		}
	}
	pl.chosen = slices.Clone(pl.chosen)
	for i, svc := range pl.chosen {
		pl.chosen[i] = pl.current.in(svc)
	}
	return nil
}

// secret plans one secret: the version that holds its content, or a new one.
func (pl *planner) secret(base string, want api.SecretSpec) {
	known := pl.seen.versionsOf(secretKind, base)
	for _, v := range known {
		spec := pl.seen.Secrets[v.Name].Spec
		if !pl.seen.sameSecret(spec, want) {
			continue
		}
		pl.current.secrets[base] = v.Name
		if labels := versionLabels(want.Labels, v.Name, base); pl.relabels(v, labels) {
			spec.Labels, spec.Data = labels, nil
			pl.add(Step{Do: UpdateSecret, Name: v.Name, Cause: "labels changed", Secret: &compose.Secret{Spec: spec}})
		}
		return
	}
	step := Step{Do: CreateSecret, Name: base, Cause: "it does not exist"}
	if len(known) > 0 {
		step.Name, step.Cause = secretVersion(pl.seen, base, known), "its content changed"
		if want.Driver != nil {
			step.Cause = "its driver changed"
		}
	}
	want.Name, want.Labels = step.Name, versionLabels(want.Labels, step.Name, base)
	step.Secret = &compose.Secret{Spec: want}
	pl.current.secrets[base] = step.Name
	pl.add(step)
}

// config plans one config: the version that holds its content, or a new one.
func (pl *planner) config(base string, want api.ConfigSpec) {
	known := pl.seen.versionsOf(configKind, base)
	for _, v := range known {
		spec := pl.seen.Configs[v.Name].Spec
		if !sameConfig(spec, want) {
			continue
		}
		pl.current.configs[base] = v.Name
		if labels := versionLabels(want.Labels, v.Name, base); pl.relabels(v, labels) {
			spec.Labels = labels
			pl.add(Step{Do: UpdateConfig, Name: v.Name, Cause: "labels changed", Config: &compose.Config{Spec: spec}})
		}
		return
	}
	step := Step{Do: CreateConfig, Name: base, Cause: "it does not exist"}
	if len(known) > 0 {
		step.Name, step.Cause = configVersion(pl.seen, base, want), "its content changed"
	}
	want.Name, want.Labels = step.Name, versionLabels(want.Labels, step.Name, base)
	step.Config = &compose.Config{Spec: want}
	pl.current.configs[base] = step.Name
	pl.add(step)
}

// relabels says whether a version has to get other labels. One that the stack did not make keeps its own.
func (pl *planner) relabels(v version, labels map[string]string) bool {
	return v.Labels[LabelNamespace] == pl.project.Name && !maps.Equal(v.Labels, labels)
}

// versionLabels are those of the file; a version under a name of its own also says what it is a version of.
func versionLabels(labels map[string]string, name, base string) map[string]string {
	labels = maps.Clone(labels)
	if name != base {
		labels[LabelVersionOf] = base
	}
	return labels
}

// in returns a service that refers to the versions. The service that is given stays as it is.
func (v current) in(svc compose.Service) compose.Service {
	other := func(names map[string]string, name string) bool { return names[name] != "" && names[name] != name }
	c := svc.Spec.TaskTemplate.ContainerSpec
	if !slices.ContainsFunc(c.Secrets, func(r *api.SecretReference) bool { return other(v.secrets, r.SecretName) }) &&
		!slices.ContainsFunc(c.Configs, func(r *api.ConfigReference) bool { return other(v.configs, r.ConfigName) }) {
		return svc
	}
	svc.Spec = clone(svc.Spec)
	c = svc.Spec.TaskTemplate.ContainerSpec
	for _, r := range c.Secrets {
		if other(v.secrets, r.SecretName) {
			r.SecretName = v.secrets[r.SecretName]
		}
	}
	for _, r := range c.Configs {
		if other(v.configs, r.ConfigName) {
			r.ConfigName = v.configs[r.ConfigName]
		}
	}
	if p := c.Privileges; p != nil && p.CredentialSpec != nil && other(v.configs, p.CredentialSpec.Config) {
		p.CredentialSpec.Config = v.configs[p.CredentialSpec.Config]
	}
	return svc
}
