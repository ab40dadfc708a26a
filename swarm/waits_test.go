package swarm

import (
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// A removal waits as long as the tasks may take to end, and not for a node that does not answer.
func TestTasksThatEndSlowly(t *testing.T) {
	const rest = "services:\n  one: {image: 'shop/one:1'}\n"
	const file = rest + "  db: {image: 'postgres:16', stop_grace_period: 5m}\n"
	for _, tc := range []struct {
		name     string
		first    api.NodeState // of the node, when the command looks
		then     api.NodeState // 10 s later
		min, max time.Duration
	}{
		{"node answers", api.NodeStateReady, api.NodeStateReady, 4 * time.Minute, 5 * time.Minute},
		{"node goes down", api.NodeStateReady, api.NodeStateDown, 10 * time.Second, 20 * time.Second},
		{"node is down", api.NodeStateDown, api.NodeStateDown, 0, 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.SetApp("postgres:16", swarmtest.App{Start: time.Second, Stop: 4 * time.Minute})
				m.must(m.up(file))
				tasks, err := m.tasks(m.Service("shop_db").ID)
				m.must(err)
				node := "n" + tasks[0].NodeID[len("node"):]
				m.SetNode(node, tc.first)
				time.AfterFunc(10*time.Second, func() { m.SetNode(node, tc.then) })
				began := time.Now()
				m.must(m.upWith(rest, plan.UpOptions{Prune: true}))
				if took := time.Since(began); took < tc.min || took > tc.max {
					m.t.Errorf("it took %s, want %s to %s", took, tc.min, tc.max)
				}
			})
		})
	}
}

// Without any proxy to ask, a new color is waited for no longer than its timeout.
func TestNoProxyToAsk(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.SetApp("shop/web:3", swarmtest.App{Start: time.Minute, Stop: time.Second})
		time.AfterFunc(30*time.Second, func() { m.byHand("shop_web", scale(0)) })
		began := time.Now()
		var broken *cluster.UnhealthyError
		m.wantError(m.up(version("3")), &broken, "not ready in every proxy within 5m0s: service web: none of its proxies runs")
		if took := time.Since(began); took > 8*time.Minute {
			m.t.Errorf("it took %s", took)
		}
		m.byHand("shop_web", scale(2))
		m.must(m.up(version("3")))
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}
