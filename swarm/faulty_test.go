package swarm

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// faulty is an engine on which a fault happens to one call, and a judge sees what writes do.
type faulty struct {
	engine.API
	*happening
	*judge
}

func asked[T any](ctx context.Context, e *faulty, c *call, carryOut func() (T, error)) (T, error) {
	var got, none T
	err := e.to(ctx, c, func() (err error) {
		if c.write() {
			e.writes.Add(1)
		}
		got, err = carryOut()
		return err
	})
	if err == nil {
		return got, nil
	}
	if stream, ok := any(got).(io.Closer); ok {
		stream.Close() // nobody got it
	}
	return none, err
}

func told(ctx context.Context, e *faulty, c *call, carryOut func() error) error {
	_, err := asked(ctx, e, c, func() (struct{}, error) { return struct{}{}, carryOut() })
	return err
}

func (e *faulty) Info(ctx context.Context) (system.Info, error) {
	return asked(ctx, e, &call{"Info", ""}, func() (system.Info, error) { return e.API.Info(ctx) })
}

func (e *faulty) Events(ctx context.Context, o events.ListOptions) (<-chan events.Message, <-chan error) {
	var failed <-chan error
	messages, err := asked(ctx, e, &call{"Events", ""}, func() (messages <-chan events.Message, err error) {
		messages, failed = e.API.Events(ctx, o)
		return messages, nil
	})
	if err != nil {
		failing := make(chan error, 1)
		failing <- err
		return nil, failing
	}
	return messages, failed
}

func (e *faulty) DistributionInspect(ctx context.Context, image, auth string) (registry.DistributionInspect, error) {
	return asked(ctx, e, &call{"DistributionInspect", ""}, func() (registry.DistributionInspect, error) {
		return e.API.DistributionInspect(ctx, image, auth)
	})
}

func (e *faulty) NodeList(ctx context.Context, o api.NodeListOptions) ([]api.Node, error) {
	return asked(ctx, e, &call{"NodeList", ""}, func() ([]api.Node, error) { return e.API.NodeList(ctx, o) })
}

func (e *faulty) ServiceList(ctx context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	return asked(ctx, e, &call{"ServiceList", ""}, func() ([]api.Service, error) { return e.API.ServiceList(ctx, o) })
}

func (e *faulty) ServiceInspectWithRaw(ctx context.Context, id string, o api.ServiceInspectOptions) (api.Service, []byte, error) {
	svc, err := asked(ctx, e, &call{"ServiceInspect", ""}, func() (api.Service, error) {
		svc, _, err := e.API.ServiceInspectWithRaw(ctx, id, o)
		return svc, err
	})
	return svc, nil, err
}

func (e *faulty) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	return asked(ctx, e, &call{"ServiceCreate", spec.Name}, func() (api.ServiceCreateResponse, error) {
		return e.API.ServiceCreate(ctx, spec, o)
	})
}

func (e *faulty) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return asked(ctx, e, &call{"ServiceUpdate", spec.Name}, func() (api.ServiceUpdateResponse, error) {
		e.seesUpdate(id, v, spec)
		return e.API.ServiceUpdate(ctx, id, v, spec, o)
	})
}

func (e *faulty) ServiceRemove(ctx context.Context, id string) error {
	return told(ctx, e, &call{"ServiceRemove", e.nameOf(id)}, func() error {
		e.seesRemoval(id)
		return e.API.ServiceRemove(ctx, id)
	})
}

func (e *faulty) ServiceLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	c := &call{"ServiceLogs", ""}
	logs, err := asked(ctx, e, c, func() (io.ReadCloser, error) { return e.API.ServiceLogs(ctx, id, o) })
	if err != nil {
		return nil, err
	}
	return e.cut(ctx, c, logs), nil
}

func (e *faulty) TaskList(ctx context.Context, o api.TaskListOptions) ([]api.Task, error) {
	return asked(ctx, e, &call{"TaskList", ""}, func() ([]api.Task, error) { return e.API.TaskList(ctx, o) })
}

func (e *faulty) TaskLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	return asked(ctx, e, &call{"TaskLogs", ""}, func() (io.ReadCloser, error) { return e.API.TaskLogs(ctx, id, o) })
}

func (e *faulty) NetworkList(ctx context.Context, o network.ListOptions) ([]network.Summary, error) {
	return asked(ctx, e, &call{"NetworkList", ""}, func() ([]network.Summary, error) { return e.API.NetworkList(ctx, o) })
}

func (e *faulty) NetworkInspect(ctx context.Context, id string, o network.InspectOptions) (network.Inspect, error) {
	return asked(ctx, e, &call{"NetworkInspect", ""}, func() (network.Inspect, error) { return e.API.NetworkInspect(ctx, id, o) })
}

func (e *faulty) NetworkCreate(ctx context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	return asked(ctx, e, &call{"NetworkCreate", name}, func() (network.CreateResponse, error) { return e.API.NetworkCreate(ctx, name, o) })
}

func (e *faulty) NetworkRemove(ctx context.Context, id string) error {
	return told(ctx, e, &call{"NetworkRemove", id}, func() error { return e.API.NetworkRemove(ctx, id) })
}

func (e *faulty) ConfigList(ctx context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	return asked(ctx, e, &call{"ConfigList", ""}, func() ([]api.Config, error) { return e.API.ConfigList(ctx, o) })
}

func (e *faulty) ConfigCreate(ctx context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return asked(ctx, e, &call{"ConfigCreate", spec.Name}, func() (api.ConfigCreateResponse, error) { return e.API.ConfigCreate(ctx, spec) })
}

func (e *faulty) ConfigUpdate(ctx context.Context, id string, v api.Version, spec api.ConfigSpec) error {
	return told(ctx, e, &call{"ConfigUpdate", spec.Name}, func() error { return e.API.ConfigUpdate(ctx, id, v, spec) })
}

func (e *faulty) ConfigRemove(ctx context.Context, id string) error {
	return told(ctx, e, &call{"ConfigRemove", id}, func() error { return e.API.ConfigRemove(ctx, id) })
}

func (e *faulty) SecretList(ctx context.Context, o api.SecretListOptions) ([]api.Secret, error) {
	return asked(ctx, e, &call{"SecretList", ""}, func() ([]api.Secret, error) { return e.API.SecretList(ctx, o) })
}

func (e *faulty) SecretCreate(ctx context.Context, spec api.SecretSpec) (api.SecretCreateResponse, error) {
	return asked(ctx, e, &call{"SecretCreate", spec.Name}, func() (api.SecretCreateResponse, error) { return e.API.SecretCreate(ctx, spec) })
}

func (e *faulty) SecretUpdate(ctx context.Context, id string, v api.Version, spec api.SecretSpec) error {
	return told(ctx, e, &call{"SecretUpdate", spec.Name}, func() error { return e.API.SecretUpdate(ctx, id, v, spec) })
}

func (e *faulty) SecretRemove(ctx context.Context, id string) error {
	return told(ctx, e, &call{"SecretRemove", id}, func() error { return e.API.SecretRemove(ctx, id) })
}
