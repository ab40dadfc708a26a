package cluster

import (
	"strconv"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
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

// Waiting is the idle color while its release waits for a promote, else None.
func (b *BlueGreen) Waiting() Color {
	route, err := b.Route()
	if err != nil {
		return None
	}
	idle := Color(route.Color).Other()
	svc := b.Colors[idle]
	if svc == nil {
		return None
	}
	since, err := strconv.ParseUint(svc.Spec.Labels[LabelWaiting], 10, 64)
	if err != nil || ServedBy(svc.Spec) > since {
		return None // it is not marked, or has had the traffic
	}
	return idle
}

// WaitsSince is the value of LabelWaiting for a release that is made while a route is in force.
func WaitsSince(route haproxy.Route) string { return strconv.FormatUint(route.Sequence, 10) }
