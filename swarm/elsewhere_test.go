package swarm

import (
	"context"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// badNodes is an engine on which control jobs meet an image that does not work on some nodes.
type badNodes struct {
	engine.API
	bad func(node string) bool
}

func (b badNodes) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	p := spec.TaskTemplate.Placement
	if spec.Labels[cluster.LabelRole] == cluster.RoleOrder && p != nil && len(p.Constraints) == 1 {
		if node, ok := strings.CutPrefix(p.Constraints[0], "node.id=="); ok && b.bad(node) {
			spec = cluster.Clone(spec)
			spec.TaskTemplate.ContainerSpec.Image = "bad"
		}
	}
	return b.API.ServiceCreate(ctx, spec, o)
}

// An order that its node cannot run goes to another node with a proxy; only when none can run it
// does it fail.
func TestOrderGoesToAnotherNode(t *testing.T) {
	for _, how := range []struct {
		name string
		app  swarmtest.App
		says string // of each node
	}{
		{"no image", swarmtest.App{Start: time.Second, Rejects: "No such image: haproxy"}, "control job on nX: rejected: No such image: haproxy"},
		{"it does not start", swarmtest.App{Start: time.Hour}, "control job on nX: it did not start: it has been preparing for 8s"},
	} {
		t.Run(how.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.SetApp(bluegreen.DefaultProxyImage, m.Default)
				m.SetApp("bad", how.app)
				m.two()
				first := ""
				m.wrap = func(e engine.API) engine.API {
					return badNodes{e, func(node string) bool {
						if first == "" {
							first = node
						}
						return node == first
					}}
				}
				began := time.Now()
				m.must(m.flip())
				m.wantRoutes("3:blue", "3:blue")
				m.wantTold("order: " + how.says + ": another node gives the order")
				if took := time.Since(began); took > 30*time.Second {
					m.t.Errorf("it took %s", took)
				}
				m.wrap = func(e engine.API) engine.API { return badNodes{e, func(string) bool { return true }} }
				err := m.flip()
				m.wrap = nil
				m.wantError(err, nil, "control job on ")
				if n := strings.Count(steady(err.Error()), strings.TrimSuffix(how.says, "8s")); n < 2 || n%2 != 0 {
					m.t.Errorf("the error names a node %d times:\n%v", n, err)
				}
				for _, o := range m.Objects() {
					if strings.Contains(o, "_order-") {
						m.t.Errorf("left: %s", o)
					}
				}
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
				m.must(m.flip())
			})
		})
	}
}

// An order that every node failed to run once is tried once more, as when all of them are slow.
func TestOrderIsTriedOnceMore(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp(bluegreen.DefaultProxyImage, m.Default)
		m.SetApp("bad", swarmtest.App{Start: time.Hour})
		m.two()
		failed := map[string]bool{}
		m.wrap = func(e engine.API) engine.API {
			return badNodes{e, func(node string) bool {
				again := failed[node]
				failed[node] = true
				return !again
			}}
		}
		m.must(m.flip())
		m.wantRoutes("3:blue", "3:blue")
		if len(failed) < 2 {
			m.t.Errorf("orders failed on %v only", failed)
		}
	})
}
