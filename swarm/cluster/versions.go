package cluster

import (
	"cmp"
	"maps"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// Kinds of objects that have versions.
const (
	SecretKind = "secret"
	ConfigKind = "config"
)

// Version is one secret or config of the swarm: what both have in common.
type Version struct {
	Name    string
	ID      string
	Labels  map[string]string
	Created time.Time
}

// VersionsOf are the versions of a secret or config that the swarm holds, the best choice among
// equals first: one that is in use now, else the newest.
func (s *Snapshot) VersionsOf(kind, base string) []Version {
	var list []Version
	add := func(a api.Annotations, id string, m api.Meta) {
		if a.Name == base || a.Labels[LabelVersionOf] == base && a.Labels[LabelNamespace] == s.Stack {
			list = append(list, Version{Name: a.Name, ID: id, Labels: a.Labels, Created: m.CreatedAt})
		}
	}
	if kind == SecretKind {
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
	SortBy(list, func(a, b *Version) int {
		switch inA, inB := serving.Has(kind, *a), serving.Has(kind, *b); {
		case inA && !inB:
			return -1
		case inB && !inA:
			return 1
		}
		return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.Name, b.Name))
	})
	return list
}

// Use is a set of secrets and configs that specs refer to, by kind, and name or id.
type Use map[string]bool

// Add adds what a spec refers to; nil is no spec.
func (u Use) Add(spec *api.ServiceSpec) {
	if spec == nil || spec.TaskTemplate.ContainerSpec == nil {
		return
	}
	for _, r := range spec.TaskTemplate.ContainerSpec.Secrets {
		u.put(SecretKind, r.SecretName, r.SecretID)
	}
	for _, r := range spec.TaskTemplate.ContainerSpec.Configs {
		u.put(ConfigKind, r.ConfigName, r.ConfigID)
	}
}

func (u Use) put(kind, name, id string) {
	u[kind+" "+name] = true
	if id != "" { // in a plan there are only names
		u[kind+" "+id] = true
	}
}

// Has says whether a version is among them.
func (u Use) Has(kind string, v Version) bool { return u[kind+" "+v.Name] || u[kind+" "+v.ID] }

// serving is what the plain services and the active colors of the stack refer to.
func (s *Snapshot) serving() Use {
	u := Use{}
	for _, svc := range s.Plain {
		u.Add(&svc.Spec)
	}
	for _, b := range s.BlueGreen {
		if active := b.Colors[b.Active()]; active != nil {
			u.Add(&active.Spec)
		}
	}
	return u
}

// Uses is what anything refers to, or could go back to: services of all stacks, and what is saved
// and written down of this one.
func (s *Snapshot) Uses() Use {
	u := Use{}
	maps.Copy(u, s.ForeignUse)
	for _, svc := range s.Services() {
		u.Add(&svc.Spec)
		u.Add(svc.PreviousSpec)
	}
	for _, b := range s.BlueGreen {
		for _, spec := range b.Saved {
			u.Add(spec)
		}
	}
	for _, list := range s.Releases {
		for _, r := range list {
			u.Add(&r.Spec)
		}
	}
	return u
}

// DriverName is the name of a driver, empty for none.
func DriverName(d *api.Driver) string {
	if d == nil {
		return ""
	}
	return d.Name
}
