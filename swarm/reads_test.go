package swarm

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
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

// A read that fails, once or with all that follow: what takes traffic is not stopped, and the same
// command finishes once the manager answers again.
func TestEachReadFails(t *testing.T) {
	t.Parallel()
	// Each call of the shortest, each second, third, … of the others.
	steps := map[string]int{"first": 5, "new version": 3, "keep cold": 7, "flip to a cold color": 3, "adoption": 9, "giving back": 3, "down": 4}
	for _, tc := range changes() {
		for _, how := range []struct {
			name  string
			times int32
		}{{"once", 1}, {"for good", 1 << 20}} {
			if tc.name == "rollback" && how.name == "for good" {
				// Known: with no manager left after the route was written, the move cannot be marked as
				// unfinished, and the next rollback goes on to the release that had been left.
				continue
			}
			for n := 1; ; n += max(1, steps[tc.name]) {
				reads := 0
				t.Run(fmt.Sprintf("%s/%s/%d", tc.name, how.name, n), func(t *testing.T) {
					inMemory(t, func(m *memory) {
						for _, c := range tc.before {
							m.must(c(m.t.Context(), m))
						}
						var count atomic.Int32
						at := ""
						m.failingReads(func(call string) error {
							k := count.Add(1)
							if k == int32(n) {
								at = call
							}
							if k >= int32(n) && k < int32(n)+how.times {
								return errLost
							}
							return nil
						})
						err := tc.command(m.t.Context(), m)
						reads = int(count.Load())
						m.wrap = nil
						if m.Service("shop_web") != nil {
							m.untouched(at, err, tc.images)
						}
						m.calm()
						if err != nil {
							m.finishes(tc.command, tc.color)
						}
					})
				})
				if reads < n {
					break
				}
			}
		}
	}
}

// What a user reads when the manager does not answer the first question.
func TestNoAnswerToTheFirstLook(t *testing.T) {
	for _, tc := range []struct{ call, want string }{
		{"NodeList", "unexpected EOF"},
		{"NetworkList", "list networks: unexpected EOF"},
		{"SecretList", "list secrets: unexpected EOF"},
		{"ConfigList", "list configs: unexpected EOF"},
		{"ServiceList", "unexpected EOF"},
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
