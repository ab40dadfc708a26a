package compose

import (
	"fmt"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// resources are deploy.resources and, where those are silent, cpus, mem_limit, mem_reservation and
// pids_limit.
func resources(s types.ServiceConfig, raw map[string]any) (*swarm.ResourceRequirements, error) {
	out, err := requirements(deployOf(s).Resources, tree.Mapping(tree.Dig(raw, "deploy", "resources")), "deploy.resources")
	if err != nil {
		return nil, err
	}
	cpus, err := nanoCPUs(raw["cpus"])
	if err != nil {
		return nil, fmt.Errorf("cpus: %w", err)
	}
	if cpus != 0 || s.MemLimit != 0 || s.PidsLimit != 0 {
		if out.Limits == nil {
			out.Limits = &swarm.Limit{}
		}
		fill(&out.Limits.NanoCPUs, cpus)
		fill(&out.Limits.MemoryBytes, int64(s.MemLimit))
		fill(&out.Limits.Pids, s.PidsLimit)
	}
	if s.MemReservation != 0 {
		if out.Reservations == nil {
			out.Reservations = &swarm.Resources{}
		}
		fill(&out.Reservations.MemoryBytes, int64(s.MemReservation))
	}
	return out, nil
}

func fill(target *int64, value int64) {
	if *target == 0 {
		*target = value
	}
}

// requirements takes cpus from the raw map, since compose-go rounds them to 32 bits: 0.1 becomes
// 0.100000001.
func requirements(r types.Resources, raw map[string]any, at string) (*swarm.ResourceRequirements, error) {
	out := &swarm.ResourceRequirements{}
	if r.Limits != nil {
		cpus, err := nanoCPUs(tree.Dig(raw, "limits", "cpus"))
		if err != nil {
			return nil, fmt.Errorf("%s.limits.cpus: %w", at, err)
		}
		out.Limits = &swarm.Limit{NanoCPUs: cpus, MemoryBytes: int64(r.Limits.MemoryBytes), Pids: r.Limits.Pids}
	}
	if r.Reservations != nil {
		cpus, err := nanoCPUs(tree.Dig(raw, "reservations", "cpus"))
		if err != nil {
			return nil, fmt.Errorf("%s.reservations.cpus: %w", at, err)
		}
		out.Reservations = &swarm.Resources{
			NanoCPUs:         cpus,
			MemoryBytes:      int64(r.Reservations.MemoryBytes),
			GenericResources: genericResources(r.Reservations.GenericResources),
		}
	}
	return out, nil
}

func genericResources(list []types.GenericResource) []swarm.GenericResource {
	var out []swarm.GenericResource
	for _, item := range list {
		var resource swarm.GenericResource
		if d := item.DiscreteResourceSpec; d != nil {
			resource.DiscreteResourceSpec = &swarm.DiscreteGenericResource{Kind: d.Kind, Value: d.Value}
		}
		out = append(out, resource)
	}
	return out
}

func nanoCPUs(value any) (int64, error) {
	text := tree.Scalar(value)
	if text == "" {
		return 0, nil
	}
	cpus, err := opts.ParseCPUs(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of CPUs (example: 0.5): %w", text, err)
	}
	return cpus, nil
}
