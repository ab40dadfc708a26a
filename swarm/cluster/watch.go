package cluster

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Swarm has no events for tasks. What it has (services, nodes, containers of this node) wakes a
// wait at once; for the rest a wait looks again after this time.
const lookAgain = 150 * time.Millisecond

// Pause waits for something to happen on the swarm, for lookAgain at most. It returns false when
// ctx has ended.
func (cl *Cluster) Pause(ctx context.Context) bool {
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-cl.wake():
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// wake returns a channel that is closed at the next event.
func (cl *Cluster) wake() <-chan struct{} {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	return cl.next
}

// Listen turns the engine's events into wakes until ctx ends. Without events waits are only slower.
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
				cl.Warn("", "events", "the engine's events ended, waits go on without them: %v", err)
			}
			return
		case m := <-messages:
			if !strings.HasPrefix(string(m.Action), "exec_") { // health checks, once a second for each container
				cl.rouse()
			}
		}
	}
}

func (cl *Cluster) rouse() {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	close(cl.next)
	cl.next = make(chan struct{})
}
