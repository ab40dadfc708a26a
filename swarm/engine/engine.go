// Package engine is the part of the Docker Engine API that we use, and what its errors mean.
package engine

import (
	"context"
	"io"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"
)

// API is the part of a swarm manager's API that we use. A docker client satisfies it.
type API interface {
	ClientVersion() string
	Info(ctx context.Context) (system.Info, error)
	Events(ctx context.Context, options events.ListOptions) (<-chan events.Message, <-chan error)
	DistributionInspect(ctx context.Context, image, encodedRegistryAuth string) (registry.DistributionInspect, error)

	NodeList(ctx context.Context, options api.NodeListOptions) ([]api.Node, error)

	ServiceList(ctx context.Context, options api.ServiceListOptions) ([]api.Service, error)
	ServiceInspectWithRaw(ctx context.Context, serviceID string, options api.ServiceInspectOptions) (api.Service, []byte, error)
	ServiceCreate(ctx context.Context, service api.ServiceSpec, options api.ServiceCreateOptions) (api.ServiceCreateResponse, error)
	ServiceUpdate(ctx context.Context, serviceID string, version api.Version, service api.ServiceSpec, options api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error)
	ServiceRemove(ctx context.Context, serviceID string) error
	ServiceLogs(ctx context.Context, serviceID string, options container.LogsOptions) (io.ReadCloser, error)
	TaskList(ctx context.Context, options api.TaskListOptions) ([]api.Task, error)
	TaskLogs(ctx context.Context, taskID string, options container.LogsOptions) (io.ReadCloser, error)

	NetworkList(ctx context.Context, options network.ListOptions) ([]network.Summary, error)
	NetworkInspect(ctx context.Context, networkID string, options network.InspectOptions) (network.Inspect, error)
	NetworkCreate(ctx context.Context, name string, options network.CreateOptions) (network.CreateResponse, error)
	NetworkRemove(ctx context.Context, networkID string) error

	ConfigList(ctx context.Context, options api.ConfigListOptions) ([]api.Config, error)
	ConfigCreate(ctx context.Context, config api.ConfigSpec) (api.ConfigCreateResponse, error)
	ConfigUpdate(ctx context.Context, id string, version api.Version, config api.ConfigSpec) error
	ConfigRemove(ctx context.Context, id string) error

	SecretList(ctx context.Context, options api.SecretListOptions) ([]api.Secret, error)
	SecretCreate(ctx context.Context, secret api.SecretSpec) (api.SecretCreateResponse, error)
	SecretUpdate(ctx context.Context, id string, version api.Version, secret api.SecretSpec) error
	SecretRemove(ctx context.Context, id string) error
}

var _ API = (*client.Client)(nil)
