package plan

import (
	"fmt"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// colorSpec returns the spec of a color with its image resolved and its number of replicas decided:
// a color that was scaled by hand stays so until the file's number changes, and a new release gets
// the larger of both. like is the service whose image and number are taken as they run now; it may
// be nil.
func (pl *planner) colorSpec(svc compose.Service, c cluster.Color, release int, like *api.Service) (api.ServiceSpec, error) {
	spec, err := colorSpec(pl.project, svc, c, release)
	if err != nil {
		return spec, err
	}
	image := svc.Spec.Labels[cluster.LabelImage]
	if like == nil {
		pl.images.apply(&spec, image, nil)
		return spec, nil
	}
	pl.images.apply(&spec, image, &like.Spec)
	if served := like.Spec.Labels[cluster.LabelServed]; like.Spec.Name == spec.Name && served != "" {
		spec.Labels[cluster.LabelServed] = served
	}
	want, have := cluster.Replicas(spec), cluster.Replicas(like.Spec)
	if want == nil || have == nil || cluster.IsStopped(like.Spec) || like.Spec.Labels[cluster.LabelReplicas] != spec.Labels[cluster.LabelReplicas] {
		return spec, nil
	}
	number := *have // by hand, or as the file says
	if like.Spec.Name != spec.Name {
		number = max(*have, *want)
	}
	spec.Mode.Replicated.Replicas = &number
	return spec, nil
}

// taskPaths are the paths at which two specs of colors differ so that it takes a new release.
func (pl *planner) taskPaths(want, live api.ServiceSpec) []string {
	want, live = withoutColor(cluster.Started(want)), withoutColor(cluster.Started(live))
	return slices.DeleteFunc(pl.flat(want).Differences(pl.flat(live)), func(p string) bool { return !InTask(p) && p != "Mode" })
}

// withoutColor removes what tells the two colors apart.
func withoutColor(spec api.ServiceSpec) api.ServiceSpec {
	for i := range spec.TaskTemplate.Networks {
		spec.TaskTemplate.Networks[i].Aliases = nil
	}
	return spec
}

func (pl *planner) sameTasks(want, live api.ServiceSpec) bool {
	return len(pl.taskPaths(want, live)) == 0
}

// sameRelease says whether a color holds what is wanted, the proxies' side of it included.
func (pl *planner) sameRelease(want, live api.ServiceSpec) bool {
	return pl.sameTasks(want, live) && want.Labels[cluster.LabelPorts] == live.Labels[cluster.LabelPorts]
}

func (pl *planner) taskCause(want, live api.ServiceSpec) string {
	paths := pl.taskPaths(want, live)
	cause := changed(paths)
	if slices.Contains(words(paths), "image") {
		cause = fmt.Sprintf("image %s → %s", live.Labels[cluster.LabelImage], want.Labels[cluster.LabelImage])
		if rest := words(slices.DeleteFunc(paths, func(p string) bool { return p == "TaskTemplate.ContainerSpec.Image" })); len(rest) > 0 {
			cause += ", " + strings.Join(rest, ", ") + " changed"
		}
	}
	if len(paths) == 0 {
		cause = "ports or health changed"
	}
	return cause
}

func (pl *planner) portsOf(svc *api.Service) (bluegreen.Release, bool) {
	if svc == nil {
		return bluegreen.Release{}, false
	}
	return cluster.ProxiedPorts(svc.Spec)
}
