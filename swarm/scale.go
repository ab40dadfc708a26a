package swarm

import (
	"slices"
	"strconv"

	api "github.com/docker/docker/api/types/swarm"
)

// nowhere is a constraint that no node meets: a global service has no number that could be set to 0.
const nowhere = "node.id==bluegreen-cold"

// stopped returns spec with no task to run. The label says what to come back to.
func stopped(spec api.ServiceSpec) api.ServiceSpec {
	spec = clone(spec)
	if isStopped(spec) {
		return spec
	}
	if r := replicas(spec); r != nil {
		spec.Labels[LabelCold] = strconv.FormatUint(*r, 10)
		spec.Mode.Replicated.Replicas = new(uint64(0))
		return spec
	}
	spec.Labels[LabelCold] = "global"
	if spec.TaskTemplate.Placement == nil {
		spec.TaskTemplate.Placement = &api.Placement{}
	}
	spec.TaskTemplate.Placement.Constraints = append(spec.TaskTemplate.Placement.Constraints, nowhere)
	return spec
}

// started undoes stopped. A color that was scaled to 0 by hand comes back with what the file asked for.
func started(spec api.ServiceSpec) api.ServiceSpec {
	spec = clone(spec)
	if r := replicas(spec); r != nil && *r == 0 {
		n, err := strconv.ParseUint(spec.Labels[LabelCold], 10, 64)
		if err != nil {
			n, _ = strconv.ParseUint(spec.Labels[LabelReplicas], 10, 64)
		}
		spec.Mode.Replicated.Replicas = new(max(n, 1))
	}
	if p := spec.TaskTemplate.Placement; p != nil {
		p.Constraints = slices.DeleteFunc(p.Constraints, func(c string) bool { return c == nowhere })
	}
	delete(spec.Labels, LabelCold)
	return spec
}

// isStopped says whether a spec asks for no task at all.
func isStopped(spec api.ServiceSpec) bool {
	if r := replicas(spec); r != nil {
		return *r == 0
	}
	p := spec.TaskTemplate.Placement
	return p != nil && slices.Contains(p.Constraints, nowhere)
}
