package engine

import (
	"context"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
)

// read tries a read until it is answered: to repeat it changes nothing.
func read[T any](ctx context.Context, s *Steady, try func(context.Context) (T, error)) (T, error) {
	return again(ctx, s, func() (T, error) { return within(ctx, s.tryTime(), try) })
}

// stream does so for the start of a stream, which then lasts until it is closed or ctx ends.
func stream(ctx context.Context, s *Steady, try func(context.Context) (io.ReadCloser, error)) (io.ReadCloser, error) {
	return again(ctx, s, func() (io.ReadCloser, error) {
		lasting, end := context.WithCancelCause(ctx)
		most := s.tryTime()
		late := time.AfterFunc(most, func() { end(noAnswer(most)) })
		body, err := try(lasting)
		if late.Stop() && err == nil {
			return &streamed{body, end}, nil
		}
		if err == nil {
			body.Close()
		}
		if lasting.Err() != nil && ctx.Err() == nil {
			err = context.Cause(lasting)
		}
		end(nil)
		return nil, err
	})
}

// streamed ends its request when it is closed.
type streamed struct {
	io.ReadCloser
	end context.CancelCauseFunc
}

func (s *streamed) Close() error {
	defer s.end(nil)
	return s.ReadCloser.Close()
}

// Info is that of API.
func (s *Steady) Info(ctx context.Context) (system.Info, error) { return read(ctx, s, s.API.Info) }

// DistributionInspect is that of API. It is not tried again: the manager asks another.
func (s *Steady) DistributionInspect(ctx context.Context, image, auth string) (registry.DistributionInspect, error) {
	return within(ctx, registryTime, func(ctx context.Context) (registry.DistributionInspect, error) {
		return s.API.DistributionInspect(ctx, image, auth)
	})
}

// NodeList is that of API.
func (s *Steady) NodeList(ctx context.Context, o api.NodeListOptions) ([]api.Node, error) {
	return read(ctx, s, func(ctx context.Context) ([]api.Node, error) { return s.API.NodeList(ctx, o) })
}

// ServiceList is that of API.
func (s *Steady) ServiceList(ctx context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	return read(ctx, s, func(ctx context.Context) ([]api.Service, error) { return s.API.ServiceList(ctx, o) })
}

// ServiceInspectWithRaw is that of API.
func (s *Steady) ServiceInspectWithRaw(ctx context.Context, id string, o api.ServiceInspectOptions) (api.Service, []byte, error) {
	var raw []byte
	svc, err := read(ctx, s, func(ctx context.Context) (svc api.Service, err error) {
		svc, raw, err = s.API.ServiceInspectWithRaw(ctx, id, o)
		return svc, err
	})
	return svc, raw, err
}

// ServiceLogs is that of API.
func (s *Steady) ServiceLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	return stream(ctx, s, func(ctx context.Context) (io.ReadCloser, error) { return s.API.ServiceLogs(ctx, id, o) })
}

// TaskList is that of API.
func (s *Steady) TaskList(ctx context.Context, o api.TaskListOptions) ([]api.Task, error) {
	return read(ctx, s, func(ctx context.Context) ([]api.Task, error) { return s.API.TaskList(ctx, o) })
}

// TaskLogs is that of API.
func (s *Steady) TaskLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	return stream(ctx, s, func(ctx context.Context) (io.ReadCloser, error) { return s.API.TaskLogs(ctx, id, o) })
}

// NetworkList is that of API.
func (s *Steady) NetworkList(ctx context.Context, o network.ListOptions) ([]network.Summary, error) {
	return read(ctx, s, func(ctx context.Context) ([]network.Summary, error) { return s.API.NetworkList(ctx, o) })
}

// NetworkInspect is that of API.
func (s *Steady) NetworkInspect(ctx context.Context, id string, o network.InspectOptions) (network.Inspect, error) {
	return read(ctx, s, func(ctx context.Context) (network.Inspect, error) { return s.API.NetworkInspect(ctx, id, o) })
}

// ConfigList is that of API.
func (s *Steady) ConfigList(ctx context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	return read(ctx, s, func(ctx context.Context) ([]api.Config, error) { return s.API.ConfigList(ctx, o) })
}

// SecretList is that of API.
func (s *Steady) SecretList(ctx context.Context, o api.SecretListOptions) ([]api.Secret, error) {
	return read(ctx, s, func(ctx context.Context) ([]api.Secret, error) { return s.API.SecretList(ctx, o) })
}
