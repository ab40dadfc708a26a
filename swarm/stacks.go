package swarm

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Stacks are the blue-green services of all stacks of a swarm. Its JSON form is stable: fields are
// added, never changed.
type Stacks struct {
	// Services are sorted by stack and name.
	Services []StackService `json:"services"`
}

// StackService is a blue-green service of a stack.
type StackService struct {
	// Stack is the name of the stack.
	Stack string `json:"stack"`
	// Service is the compose service's name.
	Service string `json:"service"`
	// Active is the color that gets the traffic, blue or green; empty without proxies.
	Active string `json:"active"`
	// Release is the number of the active release.
	Release int `json:"release"`
	// Image is the image of the active release as written in the file.
	Image string `json:"image"`
	// Idle is the number of the release on the other color, 0 for none.
	Idle int `json:"idle"`
	// Waiting is true if the release on the other color waits for promote.
	Waiting bool `json:"waiting"`
	// Share is the percentage of the traffic that the other color gets.
	Share int `json:"share"`
	// State is paused or maintenance, or empty.
	State string `json:"state"`
	// Watched is true while a guard watches the release.
	Watched bool `json:"watched"`
	// Ready is the number of tasks of the active color that run.
	Ready int `json:"ready"`
	// Wanted is how many there should be.
	Wanted int `json:"wanted"`
	// Flipped is when traffic last went to the active color; absent if that is older than the history.
	Flipped *time.Time `json:"flipped,omitempty"`
}

// Stacks tells what blue-green services the swarm has, in two calls.
func (o *Operator) Stacks(ctx context.Context) (*Stacks, error) {
	services, err := o.ex.Engine.ServiceList(ctx, api.ServiceListOptions{Status: true})
	if err != nil {
		return nil, engine.ManagerError(err)
	}
	configs, err := o.ex.Engine.ConfigList(ctx, api.ConfigListOptions{Filters: filters.NewArgs(filters.Arg("label", cluster.LabelRole+"="+cluster.RoleRelease))})
	if err != nil {
		return nil, engine.ManagerError(err)
	}
	seen := map[string]*cluster.Snapshot{}
	for _, svc := range services {
		if stack := svc.Spec.Labels[cluster.LabelStack]; stack != "" {
			if seen[stack] == nil {
				seen[stack] = cluster.NewSnapshot(stack)
			}
			seen[stack].Add(svc)
		}
	}
	for _, c := range configs {
		if s := seen[c.Spec.Labels[cluster.LabelStack]]; s != nil {
			s.AddRelease(c)
		}
	}
	out := &Stacks{Services: []StackService{}}
	for _, stack := range slices.Sorted(maps.Keys(seen)) {
		for _, name := range slices.Sorted(maps.Keys(seen[stack].BlueGreen)) {
			out.Services = append(out.Services, stackService(seen[stack], seen[stack].BlueGreen[name]))
		}
	}
	return out, nil
}

func stackService(s *cluster.Snapshot, b *cluster.BlueGreen) StackService {
	st := StackService{Stack: s.Stack, Service: b.Name, Active: string(b.Active())}
	if b.Proxy == nil {
		return st
	}
	route, _ := b.Route() // a label that cannot be read shows as no color
	st.Share, st.State, st.Watched = route.Share, route.State.Word(), route.Guard.On
	idle := b.Active().Other()
	st.Waiting = b.Waiting() == idle
	if svc := b.Colors[idle]; svc != nil {
		st.Idle = cluster.ReleaseOf(svc.Spec)
	}
	if svc := b.Colors[b.Active()]; svc != nil {
		st.Release, st.Image = cluster.ReleaseOf(svc.Spec), svc.Spec.Labels[cluster.LabelImage]
		if n := svc.ServiceStatus; n != nil {
			st.Ready, st.Wanted = int(n.RunningTasks), int(n.DesiredTasks)
		}
		if r := s.Release(b.Name, st.Release); r != nil {
			for _, e := range r.Log {
				if e.What == cluster.Activated {
					st.Flipped = new(e.At)
				}
			}
		}
	}
	return st
}
