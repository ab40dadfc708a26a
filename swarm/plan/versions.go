package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// current are the names of the versions that hold what the file says, by base name.
type current struct{ secrets, configs map[string]string }

// files plans the secrets and configs that the chosen services use, all of the file where none is
// named, and lets the services refer to the versions of them that hold what the file says.
func (pl *planner) files() error {
	pl.current = current{secrets: map[string]string{}, configs: map[string]string{}}
	wanted := cluster.Use{}
	for _, svc := range pl.chosen {
		wanted.Add(&svc.Spec)
	}
	unused := func(kind, name string) bool { return len(pl.opts.Services) > 0 && !wanted[kind+" "+name] }
	for _, name := range slices.Sorted(maps.Keys(pl.project.Secrets)) {
		if s := pl.project.Secrets[name]; unused(cluster.SecretKind, name) {
			continue
		} else if _, exists := pl.seen.Secrets[name]; s.External && !exists {
			return fmt.Errorf("secret %s is external and does not exist: create it with `docker secret create %s FILE`", name, name)
		} else if !s.External {
			pl.secret(name, s.Spec)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pl.project.Configs)) {
		if c := pl.project.Configs[name]; unused(cluster.ConfigKind, name) {
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
	known := pl.seen.VersionsOf(cluster.SecretKind, base)
	for _, v := range known {
		spec := pl.seen.Secrets[v.Name].Spec
		if !pl.seen.SameSecret(spec, want) {
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
	known := pl.seen.VersionsOf(cluster.ConfigKind, base)
	for _, v := range known {
		spec := pl.seen.Configs[v.Name].Spec
		if !cluster.SameConfig(spec, want) {
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

// relabels says whether a version has to get other labels. One that the stack did not make keeps
// its own.
func (pl *planner) relabels(v cluster.Version, labels map[string]string) bool {
	return v.Labels[cluster.LabelNamespace] == pl.project.Name && !maps.Equal(v.Labels, labels)
}

// versionLabels are those of the file; a version under a name of its own also says what it is a
// version of.
func versionLabels(labels map[string]string, name, base string) map[string]string {
	labels = maps.Clone(labels)
	if name != base {
		labels[cluster.LabelVersionOf] = base
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
	svc.Spec = cluster.Clone(svc.Spec)
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

// Parts of the names of versions.
const (
	maxObjectName = 64 // Swarm's limit
	shortHash     = 8  // hex digits
)

// versionName names a version by a hash. A longer hash is taken where the name is taken already.
func versionName(base, hashed string, taken func(string) bool) string {
	for n := shortHash; ; n += shortHash {
		readable, cut := base, ""
		if most := maxObjectName - n - 1; len(base) > most {
			readable, cut = strings.TrimRight(base[:most], "-_."), "\x00"+base // two long names may begin alike
		}
		sum := sha256.Sum256([]byte(hashed + cut))
		hash := hex.EncodeToString(sum[:])
		if name := readable + "-" + hash[:min(n, len(hash))]; n >= maxObjectName-shortHash || !taken(name) {
			return name
		}
	}
}

// configVersion names the version of a config that holds a content: by a hash of it.
func configVersion(s *cluster.Snapshot, base string, spec api.ConfigSpec) string {
	hashed := string(spec.Data)
	if d := cluster.DriverName(spec.Templating); d != "" {
		hashed += "\x00" + d
	}
	return versionName(base, hashed, func(name string) bool { _, ok := s.Configs[name]; return ok })
}

// secretVersion names a further version of a secret. A hash of the content would let it be guessed;
// the ids of the versions that there are were drawn at random by Swarm, and tell nothing. So the
// same plan has the same names.
func secretVersion(s *cluster.Snapshot, base string, known []cluster.Version) string {
	var ids []string
	for _, v := range known {
		ids = append(ids, v.ID)
	}
	slices.Sort(ids)
	return versionName(base, base+"\x00"+strings.Join(ids, "\x00"), func(name string) bool { _, ok := s.Secrets[name]; return ok })
}
