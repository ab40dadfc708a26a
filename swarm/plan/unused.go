package plan

import (
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// removeUnused plans the removal of versions of the file's secrets and configs that do not hold
// what the file says, and that no service holds or could come back to once the plan is carried out.
func (pl *planner) removeUnused() {
	secrets, configs := pl.outdated(cluster.SecretKind, pl.current.secrets), pl.outdated(cluster.ConfigKind, pl.current.configs)
	if len(secrets)+len(configs) == 0 {
		return
	}
	used := pl.usedAfter()
	const cause = "nothing uses it any more"
	for _, v := range secrets {
		if !used.Has(cluster.SecretKind, v) {
			pl.add(Step{Do: RemoveSecret, Name: v.Name, Cause: cause})
		}
	}
	for _, v := range configs {
		if !used.Has(cluster.ConfigKind, v) {
			pl.add(Step{Do: RemoveConfig, Name: v.Name, Cause: cause})
		}
	}
}

// outdated are the versions that this stack made and that do not hold what the file says.
func (pl *planner) outdated(kind string, current map[string]string) []cluster.Version {
	var out []cluster.Version
	for _, base := range slices.Sorted(maps.Keys(current)) {
		for _, v := range pl.seen.VersionsOf(kind, base) {
			if v.Name != current[base] && v.Labels[cluster.LabelNamespace] == pl.project.Name {
				out = append(out, v)
			}
		}
	}
	return out
}

// usedAfter is what services hold, or could come back to, once the plan is carried out.
func (pl *planner) usedAfter() cluster.Use {
	used := cluster.Use{}
	maps.Copy(used, pl.seen.ForeignUse)
	does := deeds{}
	for _, s := range pl.steps {
		used.Add(s.Spec)
		does[deed{s.Service, s.Color, s.Do}] = true
	}
	for name, svc := range pl.seen.Plain {
		switch {
		case does.any(name, cluster.None, RemoveService), does.any(name, cluster.Blue, Adopt), does.any(name, cluster.Green, Adopt):
			continue // docker service rollback does not bring back what was adopted
		case !does.any(name, cluster.None, UpdatePlain, RunJob): // else what it holds now is what it could be rolled back to
			used.Add(svc.PreviousSpec)
		}
		used.Add(&svc.Spec)
	}
	for _, b := range pl.seen.BlueGreen {
		addColors(used, b, does)
	}
	for _, list := range pl.seen.Releases {
		for _, r := range list {
			if !slices.ContainsFunc(pl.steps, func(s Step) bool { return s.Do == RemoveConfig && s.Name == r.Config }) {
				used.Add(&r.Spec)
			}
		}
	}
	return used
}

// deed is what a plan does to a service, deeds are all that it does.
type (
	deed struct {
		service string
		color   cluster.Color
		do      Action
	}
	deeds map[deed]bool
)

func (d deeds) any(service string, c cluster.Color, actions ...Action) bool {
	return slices.ContainsFunc(actions, func(a Action) bool { return d[deed{service, c, a}] })
}

// addColors adds what the releases of a blue-green service refer to that remain, or that may be put
// back.
func addColors(u cluster.Use, b *cluster.BlueGreen, does deeds) {
	if b.Proxy != nil && !does.any(b.Name, cluster.None, GiveBack, RemoveProxies) {
		u.Add(&b.Proxy.Spec)
		u.Add(b.Proxy.PreviousSpec) // the app, after an adoption that was cut short
	}
	for _, c := range cluster.Colors {
		if does.any(b.Name, c, RemoveColor) {
			continue
		}
		serves := does.any(b.Name, c, Flip, CreateProxies, Adopt) // then what it held before is not kept
		if !serves {
			u.Add(b.Saved[c])
		}
		if live := b.Colors[c]; live != nil && (!serves || !does.any(b.Name, c, StartColor)) {
			u.Add(&live.Spec) // what is stopped without a flip is saved
		}
	}
}
