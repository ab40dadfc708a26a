package execute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// together ends an order within which a guard took traffic back; partly is nil if nothing else has
// moved. Services of one group go back together: those that the order has moved, and whose proxies
// have not heard of that yet, are told here. The error names all that have gone back.
func (r *run) together(ctx context.Context, moves []traffic.Move, back *traffic.WentBackError, partly *traffic.PartlyMovedError) error {
	r.back = back.Services
	groups := map[string]string{} // why they go back
	for _, m := range moves {
		name := m.Service.Name
		if !slices.Contains(back.Services, name) {
			continue
		}
		r.serves(name) // the color is left as it is: its logs say more
		b := r.blueGreen(name)
		if route, err := b.Route(); err != nil || !route.Tripped {
			continue
		}
		why := b.Proxy.Spec.Labels[cluster.LabelTripped]
		r.Moved(cluster.WentBack, name, "guard", "%s has the traffic again: %s", b.Active(), why)
		for _, group := range []string{m.From.Guard.Group, m.To.Guard.Group} {
			groups[group] = "with service " + name + ": " + why
		}
	}
	delete(groups, "")
	reasons := map[string]string{}
	for _, m := range moves {
		if route, err := r.blueGreen(m.Service.Name).Route(); err == nil && groups[route.Guard.Group] != "" {
			reasons[m.Service.Name] = groups[route.Guard.Group]
		}
	}
	names := slices.AppendSeq(slices.Clone(back.Services), maps.Keys(reasons))
	if len(reasons) > 0 {
		behind, err := plan.ForJudged(r.known.Snapshot(), reasons)
		if err == nil {
			dctx, cancel := traffic.Detached(ctx) // an interruption must not leave one behind
			defer cancel()
			err = r.move(dctx, behind.Steps)
		}
		if err != nil && !errors.As(err, new(*traffic.WentBackError)) { // they may have heard of it by now
			return fmt.Errorf("%s\nwhat was to go back with it did not: %w", back.Error(), err)
		}
	}
	slices.Sort(names)
	r.back = names
	gone := &traffic.WentBackError{Services: names}
	if partly == nil {
		return gone
	}
	rest := slices.DeleteFunc(slices.Clone(partly.Moved), func(name string) bool { return slices.Contains(names, name) })
	if len(rest) == 0 {
		return gone
	}
	return r.partlyMoved(&traffic.PartlyMovedError{Moved: rest, Left: names, Err: gone})
}
