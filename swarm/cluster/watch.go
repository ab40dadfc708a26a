package cluster

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Pause waits for the next turn to look, which no other look takes. It returns false when ctx has
// ended. Who waits for tasks uses Next instead.
func (cl *Cluster) Pause(ctx context.Context) bool { return cl.poll.turns.take(ctx) }

// Rest waits until it is time for the next look of who only watches while another call waits, for
// an answer as a rule. It returns false when ctx has ended.
func (cl *Cluster) Rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(lookSlow):
		return true
	}
}

// Listen lets waits look more often when the engine has events, until ctx ends. Without events
// waits are only slower.
func (cl *Cluster) Listen(ctx context.Context) {
	f := filters.NewArgs()
	for _, t := range []events.Type{events.ServiceEventType, events.NodeEventType, events.ContainerEventType} {
		f.Add("type", string(t))
	}
	messages, failed := cl.Engine.Events(ctx, events.ListOptions{Filters: f})
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-failed:
			if ctx.Err() == nil {
				cl.Warn("", "events", "the engine's events ended, and waiting goes on without them: %v", err)
			}
			return
		case m := <-messages:
			if !strings.HasPrefix(string(m.Action), "exec_") { // health checks, once a second for each container
				cl.poll.turns.stir()
			}
		}
	}
}
