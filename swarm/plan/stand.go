package plan

import (
	"fmt"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Stand is what a plan for a service rests on. While it is the same, a command does the same.
type Stand struct {
	// Sequence is that of the route that is written down.
	Sequence uint64 `json:"sequence"`
	// Idle is the release that the idle color holds, 0 for none.
	Idle int `json:"idle"`
}

func standOf(b *cluster.BlueGreen, route haproxy.Route) Stand {
	s := Stand{Sequence: route.Sequence}
	if idle := b.Colors[cluster.Color(route.Color).Other()]; idle != nil {
		s.Idle = cluster.ReleaseOf(idle.Spec)
	}
	return s
}

// MovedError says that a plan was agreed to, and is another one by now. Nothing was done.
type MovedError struct {
	Service string
	// What has changed, in words.
	What string
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("service %s: somebody has moved the traffic or changed a release meanwhile (%s), so nothing was done: look again, and then decide", e.Service, e.What)
}

// Unmoved is a *MovedError if a service does not stand any more as Expect has it. Without Expect it
// is nil.
func (o FlipOptions) Unmoved(seen *cluster.Snapshot) error {
	if o.Expect == nil {
		return nil
	}
	names, err := seen.Names(o.Services)
	if err != nil {
		return err
	}
	for _, name := range names {
		b := seen.BlueGreen[name]
		route, err := b.Route()
		if err != nil {
			return err
		}
		then, known := o.Expect[name]
		now := standOf(b, route)
		switch {
		case !known:
			return &MovedError{Service: name, What: "it was not in the plan"}
		case now.Sequence != then.Sequence:
			return &MovedError{Service: name, What: fmt.Sprintf("route %d then, %d now", then.Sequence, now.Sequence)}
		case now.Idle != then.Idle:
			return &MovedError{Service: name, What: fmt.Sprintf("the idle color held release %d then, %d now", then.Idle, now.Idle)}
		}
	}
	return nil
}
