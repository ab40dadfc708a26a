package swarmtest

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
)

// ClientVersion is the newest version that commands know.
func (s *Swarm) ClientVersion() string { return "1.51" }

// Info is about the manager.
func (s *Swarm) Info(context.Context) (system.Info, error) {
	return system.Info{Name: "n1", ServerVersion: "28.5.2", SystemTime: time.Now().Format(time.RFC3339Nano),
		Swarm: api.Info{LocalNodeState: api.LocalNodeStateActive, ControlAvailable: true}}, nil
}

// DistributionInspect knows no registry.
func (s *Swarm) DistributionInspect(context.Context, string, string) (registry.DistributionInspect, error) {
	return registry.DistributionInspect{}, errors.New("no registry")
}

// Events sends what happens to services and nodes, until ctx ends.
func (s *Swarm) Events(ctx context.Context, o events.ListOptions) (<-chan events.Message, <-chan error) {
	s.read("Events")
	defer s.mu.Unlock()
	messages, failed := make(chan events.Message, 4096), make(chan error, 1)
	s.watchers[messages] = o.Filters
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, messages)
		failed <- ctx.Err()
	})
	return messages, failed
}

// emit tells watchers of an event; one that does not read loses it.
func (s *Swarm) emit(kind events.Type, action events.Action, id, name string) {
	m := events.Message{Type: kind, Action: action, Scope: "swarm", Actor: events.Actor{ID: id, Attributes: map[string]string{"name": name}}}
	for watcher := range maps.Keys(s.watchers) {
		if f := s.watchers[watcher]; f.Contains("type") && !f.ExactMatch("type", string(kind)) {
			continue
		}
		select {
		case watcher <- m:
		default:
		}
	}
}
