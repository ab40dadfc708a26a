package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
)

// writeTime is how long one write to the swarm may take.
const writeTime = 30 * time.Second

// WithWholeWrites returns e with writes that no interruption cuts short: a request that the client
// gives up is carried out by the manager all the same, and then nobody would know. Writes are
// short; what comes after one sees that the context has ended.
func WithWholeWrites(e API) API { return wholeWrites{e} }

type wholeWrites struct{ API }

func whole[T any](ctx context.Context, write func(context.Context) (T, error)) (T, error) {
	if err := ctx.Err(); err != nil {
		var none T
		return none, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), writeTime, fmt.Errorf("the manager did not answer within %s", writeTime))
	defer cancel()
	return write(ctx)
}

func only(ctx context.Context, write func(context.Context) error) error {
	_, err := whole(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, write(ctx) })
	return err
}

func (e wholeWrites) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	return whole(ctx, func(ctx context.Context) (api.ServiceCreateResponse, error) {
		return e.API.ServiceCreate(ctx, spec, o)
	})
}

func (e wholeWrites) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return whole(ctx, func(ctx context.Context) (api.ServiceUpdateResponse, error) {
		return e.API.ServiceUpdate(ctx, id, v, spec, o)
	})
}

func (e wholeWrites) ServiceRemove(ctx context.Context, id string) error {
	return only(ctx, func(ctx context.Context) error { return e.API.ServiceRemove(ctx, id) })
}

func (e wholeWrites) NetworkCreate(ctx context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	return whole(ctx, func(ctx context.Context) (network.CreateResponse, error) { return e.API.NetworkCreate(ctx, name, o) })
}

func (e wholeWrites) NetworkRemove(ctx context.Context, id string) error {
	return only(ctx, func(ctx context.Context) error { return e.API.NetworkRemove(ctx, id) })
}

func (e wholeWrites) ConfigCreate(ctx context.Context, c api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return whole(ctx, func(ctx context.Context) (api.ConfigCreateResponse, error) { return e.API.ConfigCreate(ctx, c) })
}

func (e wholeWrites) ConfigUpdate(ctx context.Context, id string, v api.Version, c api.ConfigSpec) error {
	return only(ctx, func(ctx context.Context) error { return e.API.ConfigUpdate(ctx, id, v, c) })
}

func (e wholeWrites) ConfigRemove(ctx context.Context, id string) error {
	return only(ctx, func(ctx context.Context) error { return e.API.ConfigRemove(ctx, id) })
}

func (e wholeWrites) SecretCreate(ctx context.Context, s api.SecretSpec) (api.SecretCreateResponse, error) {
	return whole(ctx, func(ctx context.Context) (api.SecretCreateResponse, error) { return e.API.SecretCreate(ctx, s) })
}

func (e wholeWrites) SecretUpdate(ctx context.Context, id string, v api.Version, s api.SecretSpec) error {
	return only(ctx, func(ctx context.Context) error { return e.API.SecretUpdate(ctx, id, v, s) })
}

func (e wholeWrites) SecretRemove(ctx context.Context, id string) error {
	return only(ctx, func(ctx context.Context) error { return e.API.SecretRemove(ctx, id) })
}
