package cluster

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	deepcopy "github.com/tiendc/go-deepcopy"
)

// NetworkNames returns the names of the observed networks by id.
func NetworkNames(networks map[string]network.Summary) map[string]string {
	names := map[string]string{}
	for name, n := range networks {
		names[n.ID] = name
	}
	return names
}

// ModeOf names the mode of a service, which can never change.
func ModeOf(spec api.ServiceSpec) string {
	switch {
	case spec.Mode.Global != nil:
		return "global"
	case spec.Mode.ReplicatedJob != nil:
		return "replicated-job"
	case spec.Mode.GlobalJob != nil:
		return "global-job"
	}
	return "replicated"
}

// IsJob says whether the tasks of a spec are to end by themselves.
func IsJob(spec api.ServiceSpec) bool { return strings.HasSuffix(ModeOf(spec), "-job") }

// nowhere is a constraint that no node meets: a global service has no number that could be set to
// 0.
const nowhere = "node.id==bluegreen-cold"

// Stopped returns spec with no task to run. The label says what to come back to.
func Stopped(spec api.ServiceSpec) api.ServiceSpec {
	spec = Clone(spec)
	if IsStopped(spec) {
		return spec
	}
	if r := Replicas(spec); r != nil {
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

// Started undoes stopped. A color that was scaled to 0 by hand comes back with what the file asked
// for.
func Started(spec api.ServiceSpec) api.ServiceSpec {
	spec = Clone(spec)
	if r := Replicas(spec); r != nil && *r == 0 {
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

// IsStopped says whether a spec asks for no task at all.
func IsStopped(spec api.ServiceSpec) bool {
	if r := Replicas(spec); r != nil {
		return *r == 0
	}
	p := spec.TaskTemplate.Placement
	return p != nil && slices.Contains(p.Constraints, nowhere)
}

// Clone returns a deep copy: the client writes into the specs that it is given.
func Clone(spec api.ServiceSpec) api.ServiceSpec {
	var c api.ServiceSpec
	if err := deepcopy.Copy(&c, spec); err != nil {
		panic(fmt.Sprintf("a service spec cannot be copied: %v", err)) // only channels and the like cannot
	}
	return c
}

// MustJSON is the JSON of what the API has as JSON itself.
func MustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("not representable as JSON: %v", err)) // only channels and functions are not
	}
	return b
}

// Replicas returns the number of replicas of a replicated service, and nil for a global one.
func Replicas(spec api.ServiceSpec) *uint64 {
	if spec.Mode.Replicated == nil {
		return nil
	}
	if spec.Mode.Replicated.Replicas == nil {
		return new(uint64(1))
	}
	return spec.Mode.Replicated.Replicas
}
