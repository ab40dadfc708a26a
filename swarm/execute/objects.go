package execute

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/docker/docker/api/types/filters"
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
// after the create.
func (r *run) allocated(ctx context.Context, id string) (network.Inspect, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, allocateTime, fmt.Errorf("it got no subnet within %s: see the logs of the swarm's leader", allocateTime))
	defer cancel()
	for {
		n, err := r.Engine.NetworkInspect(ctx, id, network.InspectOptions{Scope: "swarm"})
		if err != nil && ctx.Err() == nil {
			return n, err
		}
		if len(n.IPAM.Config) > 0 && n.IPAM.Config[0].Subnet != "" {
			return n, nil
		}
		if !r.Pause(ctx) {
			return n, context.Cause(ctx)
		}
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

// ready returns the step's spec with ids in the place of names, and sees that the files it refers
// to exist.
func (r *run) ready(ctx context.Context, s plan.Step) (api.ServiceSpec, error) {
	spec := cluster.Clone(*s.Spec)
	if err := r.EnsureFiles(ctx, r.known, s.Files); err != nil {
		return spec, err
	}
	if err := r.known.Resolve(&spec); err != nil {
		return spec, err
	}
	r.known.FillSubnet(&spec)
	return spec, nil
}

// createPlain creates a plain service.
func (r *run) createPlain(ctx context.Context, s plan.Step) error {
	return r.createService(ctx, s, nil)
}

// madeAllTheSame returns the id of a service that a create which failed has made all the same,
// empty for none. It was not there when the plan was made.
func (r *run) madeAllTheSame(ctx context.Context, spec api.ServiceSpec) string {
	services, err := r.Engine.ServiceList(ctx, api.ServiceListOptions{Filters: filters.NewArgs(filters.Arg("name", spec.Name))})
	if err != nil {
		return ""
	}
	for _, svc := range services {
		if svc.Spec.Name == spec.Name && maps.Equal(svc.Spec.Labels, spec.Labels) {
			return svc.ID
		}
	}
	return ""
}

// createService creates the service of a step; keep is given what was created, it may be nil.
func (r *run) createService(ctx context.Context, s plan.Step, keep func(*api.Service)) error {
	spec, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	created, err := r.Engine.ServiceCreate(ctx, spec, api.ServiceCreateOptions{})
	if err != nil {
		// The answer may have been lost: what exists must be known, so that it can be put back.
		if created.ID = r.madeAllTheSame(ctx, spec); created.ID == "" {
			return fmt.Errorf("create service %s: %w", s.Name, err)
		}
	}
	for _, w := range created.Warnings {
		r.Warn(s.Service, s.Name, "%s", w)
	}
	svc, err := r.Inspect(ctx, created.ID)
	if err != nil {
		return err
	}
	if keep != nil {
		keep(svc)
		return nil
	}
	r.keepPlain(s.Service, svc)
	r.Done(s.Service, "service", "created")
	return nil
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

// replacing returns want as the next spec of a service that holds live. Where the tasks are made of
// the same, they are left to the letter as they are: another order of a list would restart them.
func replacing(rec *cluster.Record, live, want api.ServiceSpec) api.ServiceSpec {
	want = cluster.Clone(want)
	names := rec.NetworkNames()
	same := true
	for _, p := range plan.Flatten(want, names).Without(rec.APIVersion).Differences(plan.Flatten(live, names).Without(rec.APIVersion)) {
		same = same && !plan.InTask(p)
	}
	want.TaskTemplate.ForceUpdate = live.TaskTemplate.ForceUpdate
	if same {
		want.TaskTemplate = live.TaskTemplate
	}
	return want
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
	return r.AwaitSteady(ctx, r.known, cluster.Waiting{Service: s.Service, Color: s.Color, Step: "tasks", Svc: svc, Timeout: s.Timeout})
}

// serviceOf finds the swarm service that a step is about among those seen.
func (r *run) serviceOf(s plan.Step) *api.Service {
	if svc, ok := r.known.Plain(s.Service); ok && svc.Spec.Name == s.Name {
		return &svc
	}
	b := r.known.Entry(s.Service)
	for _, svc := range []*api.Service{b.Proxy, b.Colors[cluster.Blue], b.Colors[cluster.Green]} {
		if svc != nil && svc.Spec.Name == s.Name {
			return svc
		}
	}
	return nil
}
