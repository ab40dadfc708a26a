package plan

import (
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// ForJudged returns the plan that takes the traffic back from releases that are watched, as their
// guards would: reasons are those of a judge that asks elsewhere, by service. Services whose guards
// go back together do so here, too.
func ForJudged(seen *cluster.Snapshot, reasons map[string]string) (Plan, error) {
	reasons = maps.Clone(reasons)
	groups := map[string]string{} // the reason by group
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		if route, err := seen.Entry(name).Route(); err == nil && route.Guard.Group != "" {
			groups[route.Guard.Group] = "with service " + name + ": " + reasons[name]
		}
	}
	for name, b := range seen.BlueGreen {
		if b.Proxy == nil || reasons[name] != "" {
			continue
		}
		if route, err := b.Route(); err == nil && groups[route.Guard.Group] != "" {
			reasons[name] = groups[route.Guard.Group]
		}
	}
	return forEach(Rollback, seen, slices.Sorted(maps.Keys(reasons)), func(b *cluster.BlueGreen, route haproxy.Route, _ *bluegreen.Settings) ([]Step, error) {
		if !route.Guard.On {
			return nil, nil // its proxies were faster
		}
		step := shared(b, route, 0)
		if route.Share == 0 {
			step = flipTo(b, route, cluster.Color(route.Color).Other(), "")
			step.Force = true
		}
		step.To.Tripped, step.Reason, step.Cause = true, reasons[b.Name], reasons[b.Name]
		return []Step{step}, nil
	})
}
