package execute

import (
	"context"
	"fmt"
	"maps"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

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
		if keep != nil { // what exists must be known, here too
			keep(&api.Service{ID: created.ID, Spec: spec})
		}
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

// keepPlain notes what a service is that is not blue-green.
func (r *run) keepPlain(name string, svc *api.Service) {
	r.known.Note(func(seen *cluster.Snapshot) { seen.Plain[name] = *svc })
}

// keep notes what a service is now among those seen.
func (r *run) keep(s plan.Step, svc *api.Service) {
	if plain, ok := r.known.Plain(s.Service); ok && plain.Spec.Name == s.Name {
		r.keepPlain(s.Service, svc)
		return
	}
	b := r.known.Entry(s.Service)
	if s.Color == cluster.None {
		b.Proxy = svc
		return
	}
	b.Colors[s.Color] = svc
}
