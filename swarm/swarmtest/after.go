package swarmtest

import (
	"context"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Engine is the engine that commands use: with After behind each write.
func (s *Swarm) Engine() engine.API { return told{s, s} }

type told struct {
	engine.API
	s *Swarm
}

func (t told) after(err error, call, object string) error {
	if err != nil || t.s.After == nil {
		return err
	}
	return t.s.After(call, object)
}

func (t told) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	r, err := t.API.ServiceCreate(ctx, spec, o)
	return r, t.after(err, "ServiceCreate", spec.Name)
}

func (t told) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	r, err := t.API.ServiceUpdate(ctx, id, v, spec, o)
	return r, t.after(err, "ServiceUpdate", spec.Name)
}

func (t told) ServiceRemove(ctx context.Context, id string) error {
	return t.after(t.API.ServiceRemove(ctx, id), "ServiceRemove", id)
}

func (t told) NetworkCreate(ctx context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	r, err := t.API.NetworkCreate(ctx, name, o)
	return r, t.after(err, "NetworkCreate", name)
}

func (t told) NetworkRemove(ctx context.Context, id string) error {
	return t.after(t.API.NetworkRemove(ctx, id), "NetworkRemove", id)
}

func (t told) ConfigCreate(ctx context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	r, err := t.API.ConfigCreate(ctx, spec)
	return r, t.after(err, "ConfigCreate", spec.Name)
}

func (t told) ConfigRemove(ctx context.Context, id string) error {
	return t.after(t.API.ConfigRemove(ctx, id), "ConfigRemove", id)
}
