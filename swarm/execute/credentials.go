package execute

import (
	"context"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// sendCredentials writes a service as it is: with each write go the credentials.
func (r *run) sendCredentials(ctx context.Context, s plan.Step) error {
	svc := r.serviceOf(s)
	if svc == nil {
		return errVanished(s)
	}
	svc, err := r.Rewrite(ctx, svc, func(*api.ServiceSpec) error { return nil })
	if err != nil {
		return err
	}
	if svc, err = r.Unstick(ctx, svc); err != nil {
		return err
	}
	r.keep(s, svc)
	r.Done(s.Service, "credentials", "sent for %s", s.Name)
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
