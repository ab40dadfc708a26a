// Package clustertest has engines for unit tests.
package clustertest

import (
	"context"
	"io"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Engine answers with what its fields say; what a test does not set must not be called.
type Engine struct {
	engine.API
	Tasks           func() []api.Task
	OnConfigCreate  func(api.ConfigSpec) error
	Configs         func() []api.Config
	OnConfigRemove  func(id string)
	OnServiceUpdate func(v api.Version, spec api.ServiceSpec) error
	service         func() api.Service
	Logs            func() string // nil: "oops" on standard output

	OnNetworkInspect func(id string) (network.Inspect, error)
}

// NetworkInspect calls OnNetworkInspect.
func (f *Engine) NetworkInspect(_ context.Context, id string, _ network.InspectOptions) (network.Inspect, error) {
	return f.OnNetworkInspect(id)
}

// TaskList gives Tasks.
func (f *Engine) TaskList(context.Context, api.TaskListOptions) ([]api.Task, error) {
	return f.Tasks(), nil
}

// TaskLogs gives Logs.
func (f *Engine) TaskLogs(context.Context, string, container.LogsOptions) (io.ReadCloser, error) {
	if f.Logs != nil {
		return io.NopCloser(strings.NewReader(f.Logs())), nil
	}
	return io.NopCloser(strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x05oops\n")), nil
}

// ConfigCreate calls OnConfigCreate; what is created has the id "mine".
func (f *Engine) ConfigCreate(_ context.Context, c api.ConfigSpec) (api.ConfigCreateResponse, error) {
	return api.ConfigCreateResponse{ID: "mine"}, f.OnConfigCreate(c)
}

// ConfigList gives Configs.
func (f *Engine) ConfigList(context.Context, api.ConfigListOptions) ([]api.Config, error) {
	return f.Configs(), nil
}

// ConfigRemove calls OnConfigRemove.
func (f *Engine) ConfigRemove(_ context.Context, id string) error {
	f.OnConfigRemove(id)
	return nil
}

// ServiceUpdate calls OnServiceUpdate.
func (f *Engine) ServiceUpdate(_ context.Context, _ string, v api.Version, spec api.ServiceSpec, _ api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	return api.ServiceUpdateResponse{}, f.OnServiceUpdate(v, spec)
}

// ServiceInspectWithRaw gives Service.
func (f *Engine) ServiceInspectWithRaw(context.Context, string, api.ServiceInspectOptions) (api.Service, []byte, error) {
	return f.service(), nil, nil
}

// Events has none.
func (f *Engine) Events(context.Context, events.ListOptions) (<-chan events.Message, <-chan error) {
	return nil, nil
}
