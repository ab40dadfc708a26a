package execute

import (
	"context"

	api "github.com/docker/docker/api/types/swarm"

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
