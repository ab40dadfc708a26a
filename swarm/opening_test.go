package swarm

import (
	"context"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// The answer to the write that opens the lock is lost: the command writes nothing all the same as
// long as others may take the lock.
func TestAnswerToOpeningIsLost(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(withTest("1")))
		m.must(m.up(withTest("2")))
		isOpen := func() bool {
			for _, c := range m.configs() {
				if c.Spec.Name == cluster.LockName("shop") && c.Spec.Labels[labelOpen] != "" {
					return true
				}
			}
			return false
		}
		h := &happening{killed: make(chan struct{}), over: make(chan struct{}), nth: 1}
		h.befalls = func(c *call) bool {
			if isOpen() && c.write() && !strings.Contains(c.object, cluster.LockName("shop")) {
				t.Errorf("with an open lock: %s", c)
			}
			if c.name != "ConfigUpdate" || !strings.Contains(c.object, cluster.LockName("shop")) {
				return false
			}
			return m.Service("shop_smoke") != nil && strings.Contains(strings.Join(m.events, "\n"), "release 3 must pass")
		}
		h.strikes = func(_ context.Context, h *happening, carryOut func() error) error {
			return h.answerless(carryOut, errGateway)
		}
		m.wrap = nil
		o := New(&faulty{m.Engine(), h, &judge{m: m}}, "shop", func(e cluster.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.events = append(m.events, e.Text)
		})
		m.must(o.Up(m.t.Context(), plantest.LoadShop(t, withTest("3")), plan.UpOptions{ResolveImage: plan.ResolveNever}))
		if h.hit.Load() == nil {
			t.Error("nothing happened")
		}
	})
}

// An earlier release comes back with the number of tasks of now, and that is what its file said:
// the file of then, with another number, is not taken for a number that somebody has set by hand.
func TestReplicasOfAnEarlierRelease(t *testing.T) {
	inMemory(t, func(m *memory) {
		five := func(v string) string { return strings.Replace(version(v), "replicas: 3", "replicas: 5", 1) }
		m.must(m.up(version("1")))
		m.must(m.up(five("2")))
		m.must(m.up(five("3")))
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
		m.wantColors("shop/web:3 x 5 of 5", "shop/web:1 x 5 of 5")
		m.must(m.up(version("1")))
		m.wantColors("shop/web:3 x 5 of 5", "shop/web:1 x 3 of 3")
	})
}
