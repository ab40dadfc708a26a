package swarm

import (
	"context"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
)

// Swarm has no events for tasks. What it has (services, nodes, containers of this node) wakes a wait at once;
// for the rest a wait looks again after this time.
const lookAgain = 150 * time.Millisecond

// pause waits for something to happen on the swarm, for lookAgain at most. It returns false when ctx has ended.
func (o *Cluster) pause(ctx context.Context) bool {
	timer := time.NewTimer(lookAgain)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-o.wake():
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// wake returns a channel that is closed at the next event.
func (o *Cluster) wake() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next
}

// listen turns the engine's events into wakes until ctx ends. Without events waits are only slower.
func (o *Cluster) listen(ctx context.Context) {
	f := filters.NewArgs()
	for _, t := range []events.Type{events.ServiceEventType, events.NodeEventType, events.ContainerEventType} {
		f.Add("type", string(t))
	}
	messages, failed := o.engine.Events(ctx, events.ListOptions{Filters: f})
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-failed:
			if ctx.Err() == nil {
				o.warn("", "events", "the engine's events ended, waits go on without them: %v", err)
			}
			return
		case m := <-messages:
			if !strings.HasPrefix(string(m.Action), "exec_") { // health checks, once a second for each container
				o.rouse()
			}
		}
	}
}

func (o *Cluster) rouse() {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.next)
	o.next = make(chan struct{})
}

func notFound(err error) bool { return cerrdefs.IsNotFound(err) }
