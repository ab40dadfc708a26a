package cluster

import (
	"errors"
	"slices"

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
