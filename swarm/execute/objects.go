package execute

import (
	"context"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// allocateTime is how long the swarm may take to give a network its subnet.
const allocateTime = 20 * time.Second

func (r *run) createNetwork(ctx context.Context, s plan.Step) error {
	created, err := r.Engine.NetworkCreate(ctx, s.Name, s.Network.Create)
	if err != nil {
		return fmt.Errorf("create network %s: %w", s.Name, err)
	}
	r.mu.Lock()
	r.networks[s.Name] = created.ID
	r.mu.Unlock()
	n, err := r.allocated(ctx, created.ID)
	if err != nil {
		return fmt.Errorf("network %s: %w", s.Name, err)
	}
	r.known.Note(func(seen *cluster.Snapshot) { seen.Networks[s.Name] = n })
	r.Done("", "network "+s.Name, "created")
	return nil
}

// allocated returns a new network once the swarm has given it its subnet, which comes a moment
// after the create. Time in which the manager does not answer does not count.
func (r *run) allocated(ctx context.Context, id string) (network.Inspect, error) {
	for waited := time.Duration(0); ; {
		n, err := r.Engine.NetworkInspect(ctx, id, network.InspectOptions{Scope: "swarm"})
		switch {
		case err != nil:
			return n, err
		case len(n.IPAM.Config) > 0 && n.IPAM.Config[0].Subnet != "":
			return n, nil
		case waited > allocateTime:
			return n, fmt.Errorf("it got no subnet within %s: see the logs of the swarm's leader, and run the command again", allocateTime)
		}
		began := time.Now()
		if !r.Pause(ctx) {
			return n, context.Cause(ctx)
		}
		waited += time.Since(began)
	}
}

func (r *run) createSecret(ctx context.Context, s plan.Step) error {
	created, err := r.Engine.SecretCreate(ctx, s.Secret.Spec)
	if err != nil {
		return fmt.Errorf("create secret %s: %w", s.Name, err)
	}
	r.known.Note(func(seen *cluster.Snapshot) {
		seen.Secrets[s.Name] = api.Secret{ID: created.ID, Spec: api.SecretSpec{Annotations: s.Secret.Spec.Annotations}}
	})
	r.Done("", "secret "+s.Name, "created")
	return nil
}

func (r *run) createConfig(ctx context.Context, s plan.Step) error {
	created, err := r.Engine.ConfigCreate(ctx, s.Config.Spec)
	if err != nil {
		return fmt.Errorf("create config %s: %w", s.Name, err)
	}
	r.known.Note(func(seen *cluster.Snapshot) { seen.Configs[s.Name] = api.Config{ID: created.ID, Spec: s.Config.Spec} })
	r.Done("", "config "+s.Name, "created")
	return nil
}

// createPlain creates a plain service.
func (r *run) createPlain(ctx context.Context, s plan.Step) error {
	return r.createService(ctx, s, nil)
}

func (r *run) updatePlain(ctx context.Context, s plan.Step) error {
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	live, _ := r.known.Plain(s.Service)
	svc, err := r.Rewrite(ctx, &live, func(spec *api.ServiceSpec) error {
		*spec = replacing(r.known, *spec, want)
		return nil
	})
	if err != nil {
		return err
	}
	r.keep(s, svc)
	r.Done(s.Service, "service", "updated: %s", s.Cause)
	return nil
}

// awaitStep waits for the tasks of a service that is not a color on its way to a release.
func (r *run) awaitStep(ctx context.Context, s plan.Step) error {
	svc := r.serviceOf(s)
	if svc == nil {
		return errVanished(s)
	}
	if cluster.IsJob(svc.Spec) {
		return r.awaitCompleted(ctx, cluster.Waiting{Service: s.Service, Step: "job", Svc: svc, Timeout: s.Timeout})
	}
	w := cluster.Waiting{Service: s.Service, Color: s.Color, Step: "tasks", Svc: svc, Timeout: s.Timeout}
	if err := r.AwaitSteady(ctx, r.known, w); err != nil {
		return err
	}
	return r.AwaitReplaced(ctx, r.known, w)
}
