package swarm

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// Swarm can never change the content of a secret or config. So each content is an object of its own: a version. The
// first has the name that docker stack deploy gives it, the base name; the others have a longer one, and a label that
// names the base.

// Kinds of objects that have versions.
const (
	secretKind = "secret"
	configKind = "config"
)

// version is one secret or config of the swarm: what both have in common.
type version struct {
	Name    string
	ID      string
	Labels  map[string]string
	Created time.Time
}

// versionsOf are the versions of a secret or config that the swarm holds, the best choice among equals first: one that
// is in use now, else the newest.
func (s *Observed) versionsOf(kind, base string) []version {
	var list []version
	add := func(a api.Annotations, id string, m api.Meta) {
		if a.Name == base || a.Labels[LabelVersionOf] == base && a.Labels[LabelNamespace] == s.Stack {
			list = append(list, version{Name: a.Name, ID: id, Labels: a.Labels, Created: m.CreatedAt})
		}
	}
	if kind == secretKind {
		for _, x := range s.Secrets {
			add(x.Spec.Annotations, x.ID, x.Meta)
		}
	} else {
		for _, x := range s.Configs {
			add(x.Spec.Annotations, x.ID, x.Meta)
		}
	}
	if len(list) < 2 {
		return list
	}
	serving := s.serving()
	slices.SortFunc(list, func(a, b version) int {
		switch inA, inB := serving.has(kind, a), serving.has(kind, b); {
		case inA && !inB:
			return -1
		case inB && !inA:
			return 1
		}
		return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.Name, b.Name))
	})
	return list
}

// use is a set of secrets and configs that specs refer to, by kind, and name or id.
type use map[string]bool

// add adds what a spec refers to; nil is no spec.
func (u use) add(spec *api.ServiceSpec) {
	if spec == nil || spec.TaskTemplate.ContainerSpec == nil {
		return
	}
	for _, r := range spec.TaskTemplate.ContainerSpec.Secrets {
		u.put(secretKind, r.SecretName, r.SecretID)
	}
	for _, r := range spec.TaskTemplate.ContainerSpec.Configs {
		u.put(configKind, r.ConfigName, r.ConfigID)
	}
}

func (u use) put(kind, name, id string) {
	u[kind+" "+name] = true
	if id != "" { // in a plan there are only names
		u[kind+" "+id] = true
	}
}

func (u use) has(kind string, v version) bool { return u[kind+" "+v.Name] || u[kind+" "+v.ID] }

// serving is what the plain services and the active colors of the stack refer to.
func (s *Observed) serving() use {
	u := use{}
	for _, svc := range s.Plain {
		u.add(&svc.Spec)
	}
	for _, b := range s.BlueGreen {
		if active := b.Colors[b.active()]; active != nil {
			u.add(&active.Spec)
		}
	}
	return u
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
func configVersion(s *Observed, base string, spec api.ConfigSpec) string {
	hashed := string(spec.Data)
	if d := driverName(spec.Templating); d != "" {
		hashed += "\x00" + d
	}
	return versionName(base, hashed, func(name string) bool { _, ok := s.Configs[name]; return ok })
}

// secretVersion names a further version of a secret. A hash of the content would let it be guessed; the ids of the
// versions that there are were drawn at random by Swarm, and tell nothing. So the same plan has the same names.
func secretVersion(s *Observed, base string, known []version) string {
	var ids []string
	for _, v := range known {
		ids = append(ids, v.ID)
	}
	slices.Sort(ids)
	return versionName(base, base+"\x00"+strings.Join(ids, "\x00"), func(name string) bool { _, ok := s.Secrets[name]; return ok })
}

func driverName(d *api.Driver) string {
	if d == nil {
		return ""
	}
	return d.Name
}
