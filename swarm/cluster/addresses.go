package cluster

import (
	"errors"
	"math"
	"net/netip"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"
)

// ErrTasksChanged says that tasks came or went while an order waited for them.
var ErrTasksChanged = errors.New("the tasks changed")

// ProxyAddresses are the addresses of proxies on the control network, sorted.
func ProxyAddresses(proxies []ProxyTask) []string {
	var out []string
	for _, p := range proxies {
		out = append(out, p.Addr)
	}
	slices.Sort(out)
	return out
}

// TaskIDs are the ids of tasks, sorted.
func TaskIDs(tasks []api.Task) []string {
	var out []string
	for _, t := range tasks {
		out = append(out, t.ID)
	}
	slices.Sort(out)
	return out
}

// ServingNetwork is the id of the network on which a color carries the alias that the proxies ask
// for.
func ServingNetwork(spec api.ServiceSpec, alias string) string {
	for _, n := range spec.TaskTemplate.Networks {
		if slices.Contains(n.Aliases, alias) {
			return n.Target
		}
	}
	return ""
}

// TaskAddresses are the addresses of tasks on a network, sorted.
func TaskAddresses(tasks []api.Task, network string) []string {
	out := []string{}
	for _, t := range tasks {
		if a := TaskAddress(t, network); a != "" {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}

// AddressesOf is how many addresses a range has for tasks and services: not its first, its last and
// the gateway's.
func AddressesOf(subnet string) uint64 {
	p, err := netip.ParsePrefix(subnet)
	if err != nil {
		return math.MaxUint32 // the swarm refuses it
	}
	const reserved = 3
	return max(uint64(1)<<min(p.Addr().BitLen()-p.Bits(), 32), reserved) - reserved
}

// UsedAddresses is how many addresses of a network services have now, and those of the tasks.
func (s *Snapshot) UsedAddresses(network string, tasks []api.Task) uint64 {
	id := s.Networks[network].ID
	if id == "" {
		return 0
	}
	used := s.Virtual[id]
	for _, t := range tasks {
		for _, a := range t.NetworksAttachments {
			if a.Network.ID == id {
				used += uint64(len(slices.DeleteFunc(slices.Clone(a.Addresses), func(s string) bool { return !strings.Contains(s, ".") })))
			}
		}
	}
	return used
}
