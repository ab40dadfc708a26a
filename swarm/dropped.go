package swarm

import (
	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// tellUndone warns of what the file says and is not carried out on this swarm, or refuses to go on
// with it.
func (o *Operator) tellUndone(p *compose.Project, s *cluster.Snapshot, strict bool) error {
	undone := append(plan.Dropped(p, s.APIVersion), plan.StayingNetworks(s, p)...)
	if strict {
		return compose.Strict(undone)
	}
	for _, text := range undone {
		o.ex.Warn("", "file", "%s", text)
	}
	return nil
}
