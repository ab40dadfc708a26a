package swarm

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// forgetful is an engine whose reads fail while fail says so.
type forgetful struct {
	engine.API
	fail func(call string) error
}

func (m *memory) failingReads(fail func(call string) error) {
	m.wrap = func(e engine.API) engine.API { return forgetful{e, fail} }
}

func read[T any](f forgetful, call string, next func() (T, error)) (T, error) {
	if err := f.fail(call); err != nil {
		var none T
		return none, err
	}
	return next()
}

func (f forgetful) NodeList(ctx context.Context, o api.NodeListOptions) ([]api.Node, error) {
	return read(f, "NodeList", func() ([]api.Node, error) { return f.API.NodeList(ctx, o) })
}

func (f forgetful) ServiceList(ctx context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	return read(f, "ServiceList", func() ([]api.Service, error) { return f.API.ServiceList(ctx, o) })
}

func (f forgetful) ServiceInspectWithRaw(ctx context.Context, id string, o api.ServiceInspectOptions) (api.Service, []byte, error) {
	svc, err := read(f, "ServiceInspect", func() (api.Service, error) {
		svc, _, err := f.API.ServiceInspectWithRaw(ctx, id, o)
		return svc, err
	})
	return svc, nil, err
}

func (f forgetful) ServiceLogs(ctx context.Context, id string, o container.LogsOptions) (io.ReadCloser, error) {
	return read(f, "ServiceLogs", func() (io.ReadCloser, error) { return f.API.ServiceLogs(ctx, id, o) })
}

func (f forgetful) TaskList(ctx context.Context, o api.TaskListOptions) ([]api.Task, error) {
	return read(f, "TaskList", func() ([]api.Task, error) { return f.API.TaskList(ctx, o) })
}

func (f forgetful) NetworkList(ctx context.Context, o network.ListOptions) ([]network.Summary, error) {
	return read(f, "NetworkList", func() ([]network.Summary, error) { return f.API.NetworkList(ctx, o) })
}

func (f forgetful) NetworkInspect(ctx context.Context, id string, o network.InspectOptions) (network.Inspect, error) {
	return read(f, "NetworkInspect", func() (network.Inspect, error) { return f.API.NetworkInspect(ctx, id, o) })
}

func (f forgetful) ConfigList(ctx context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	return read(f, "ConfigList", func() ([]api.Config, error) { return f.API.ConfigList(ctx, o) })
}

func (f forgetful) SecretList(ctx context.Context, o api.SecretListOptions) ([]api.Secret, error) {
	return read(f, "SecretList", func() ([]api.Secret, error) { return f.API.SecretList(ctx, o) })
}

// noAnswer ends what a user reads when a manager does not answer.
const noAnswer = "no answer from the manager for X: unexpected EOF: see `docker node ls`, and run the command again once it answers"

// What a user reads when the manager does not answer the first question.
func TestNoAnswerToTheFirstLook(t *testing.T) {
	for _, tc := range []struct{ call, want string }{
		{"NodeList", noAnswer},
		{"NetworkList", "list networks: " + noAnswer},
		{"SecretList", "list secrets: " + noAnswer},
		{"ConfigList", "list configs: " + noAnswer},
		{"ServiceList", noAnswer},
	} {
		t.Run(tc.call, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.failingReads(func(call string) error {
					if call == tc.call {
						return errLost
					}
					return nil
				})
				_, err := m.operator().Status(m.t.Context(), false)
				m.wantText(err, tc.want)
				m.wantText(m.up(version("3")), tc.want)
				m.wantText(m.flip(), tc.want)
				m.wantText(m.rollback(), tc.want)
				m.wantText(m.down(), tc.want)
				m.wrap = nil
				m.wantRoutes("2:green", "2:green")
				for _, o := range m.Objects() {
					if strings.Contains(o, "lock") {
						m.t.Errorf("left: %s", o)
					}
				}
			})
		})
	}
}
