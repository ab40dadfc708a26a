package swarm

import (
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// Two people agree to the same rollback: the second one does not send the traffic forward again.
// Without an agreement a second rollback does that, as ever.
func TestTwoAgreeToOneRollback(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.must(m.up(version("2")))
		p, err := m.operator().PlanRollback(m.t.Context(), plan.FlipOptions{})
		m.must(err)
		agreed := plan.FlipOptions{Expect: p.Stands, LockTimeout: time.Hour}
		both := make(chan error, 2)
		for range 2 {
			go func() { both <- m.operator().Rollback(m.t.Context(), agreed) }()
		}
		first, second := <-both, <-both
		if first != nil {
			first, second = second, first
		}
		m.must(first)
		moved := new(plan.MovedError)
		m.wantError(second, &moved, "service web: somebody has moved the traffic", "route 2 then, 3 now")
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
		m.wantRoutes("4:green", "4:green")
	})
}

// A promote leads to the release that was agreed to, and to no newer one.
func TestPromoteOfTheAgreedRelease(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		waits := func(v string) {
			m.must(m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, version(v)), plan.UpOptions{ResolveImage: plan.ResolveNever, NoFlip: true}))
		}
		waits("2")
		p, err := m.operator().PlanPromote(m.t.Context(), plan.FlipOptions{})
		m.must(err)
		waits("3")
		moved := new(plan.MovedError)
		m.wantError(m.operator().Promote(m.t.Context(), plan.FlipOptions{Expect: p.Stands}), &moved, "the idle color held release 2 then, 3 now")
		m.wantRoutes("1:blue", "1:blue")
		p, err = m.operator().PlanPromote(m.t.Context(), plan.FlipOptions{})
		m.must(err)
		m.must(m.operator().Promote(m.t.Context(), plan.FlipOptions{Expect: p.Stands}))
		m.wantRoutes("2:green", "2:green")
	})
}
