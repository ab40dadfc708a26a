package plan

import (
	"fmt"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// The longest time that a request may wait, and that refused clients are told to stay away.
const (
	MaxPause = 5 * time.Minute
	MaxAway  = 24 * time.Hour
)

// ForPause returns the plan after which requests wait, of all services in one order. A service
// whose requests wait as long already has no step.
func ForPause(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	return toState(Pause, seen, opts, opts.State)
}

// ForMaintenance returns the plan after which requests are refused.
func ForMaintenance(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	return toState(Maintain, seen, opts, opts.State)
}

// ForResume returns the plan after which requests that wait go on. A service that is not paused has
// no step.
func ForResume(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	return toState(Resume, seen, opts, haproxy.State{})
}

// ForLive returns the plan after which no request is refused any more.
func ForLive(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	return toState(Live, seen, opts, haproxy.State{})
}

// endsState is the state that a command ends; who ends another one has mistaken what goes on.
var endsState = map[Command]string{Resume: haproxy.Hold, Live: haproxy.Stop}

func toState(command Command, seen *cluster.Snapshot, opts FlipOptions, state haproxy.State) (Plan, error) {
	names, err := seen.Names(opts.Services)
	if err != nil {
		return Plan{Command: command, Stack: seen.Stack}, err
	}
	return forEach(command, seen, names, func(b *cluster.BlueGreen, route haproxy.Route, _ *bluegreen.Settings) ([]Step, error) {
		kind := endsState[command]
		switch {
		case route.State == state:
			return nil, nil
		case kind != "" && route.State.Kind != kind && len(opts.Services) == 0:
			return nil, nil
		case kind != "" && route.State.Kind != kind:
			other := map[string]Command{haproxy.Hold: Resume, haproxy.Stop: Live}[route.State.Kind]
			return nil, fmt.Errorf("service %s: %s: run `docker bluegreen %s %s` to end that", b.Name, InWords(route.State), other, b.Name)
		}
		to := route
		to.Sequence, to.State = route.Next(), state
		return []Step{{Do: SetState, Name: b.Proxy.Spec.Name, Color: cluster.Color(route.Color), From: route, To: to, Cause: InWords(state)}}, nil
	})
}

// InWords says what a state does with requests.
func InWords(s haproxy.State) string {
	wait := time.Duration(s.Seconds) * time.Second
	switch s.Kind {
	case haproxy.Hold:
		return fmt.Sprintf("requests wait, each for %s at most", wait)
	case haproxy.Stop:
		return "requests are refused, with status 503"
	}
	return "requests get to it"
}
