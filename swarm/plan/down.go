package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// ForDown returns the plan that removes all that the stack made: its services, proxies first, since
// then nothing leads to an app that is gone; when their tasks have ended, its networks, secrets and
// configs. The lock stays: the command holds it.
func ForDown(seen *cluster.Snapshot) Plan {
	p := Plan{Command: Down, Stack: seen.Stack}
	const cause = "it belongs to the stack"
	add := func(s Step) {
		s.Phase, s.Timeout = CleanUp, cluster.RemovalTime
		p.Steps = append(p.Steps, s)
	}
	services := seen.Services()
	cluster.SortBy(services, func(a, b *api.Service) int {
		return cmp.Or(proxiesFirst(*a)-proxiesFirst(*b), strings.Compare(a.Spec.Name, b.Spec.Name))
	})
	var proxies []int
	for _, svc := range services {
		labels := svc.Spec.Labels
		s := Step{Do: Remove, Name: svc.Spec.Name, Service: labels[cluster.LabelService], Color: cluster.Color(labels[cluster.LabelColor]), Cause: cause}
		if labels[cluster.LabelRole] == cluster.RoleProxy {
			proxies = append(proxies, len(p.Steps))
		} else {
			s.After = slices.Clone(proxies)
		}
		add(s)
	}
	if len(p.Steps) > 0 {
		add(Step{Do: AwaitRemoved, Name: seen.Stack, Cause: "all of its tasks must have ended"})
	}
	for _, name := range slices.Sorted(maps.Keys(seen.Networks)) {
		if seen.Mine(seen.Networks[name].Labels) {
			add(Step{Do: RemoveNetwork, Name: name, Cause: cause})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen.Secrets)) {
		if seen.Mine(seen.Secrets[name].Spec.Labels) {
			add(Step{Do: RemoveSecret, Name: name, Cause: cause})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen.Configs)) {
		if seen.Mine(seen.Configs[name].Spec.Labels) && name != cluster.LockName(seen.Stack) {
			add(Step{Do: RemoveConfig, Name: name, Cause: cause})
		}
	}
	return p
}

func proxiesFirst(svc api.Service) int {
	if svc.Spec.Labels[cluster.LabelRole] == cluster.RoleProxy {
		return 0
	}
	return 1
}
