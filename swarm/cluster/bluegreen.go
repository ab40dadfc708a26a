package cluster

import (
	"strconv"

	api "github.com/docker/docker/api/types/swarm"
)

// ServedBy is the sequence of the route by which a color became active last, 0 for never.
func ServedBy(spec api.ServiceSpec) uint64 {
	n, _ := strconv.ParseUint(spec.Labels[LabelServed], 10, 64) // never is 0
	return n
}

// LastServed is the highest sequence by which any of the colors became active.
func (b *BlueGreen) LastServed() uint64 {
	var last uint64
	for _, c := range b.Colors {
		last = max(last, ServedBy(c.Spec))
	}
	return last
}
