package swarm

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

var (
	held    = plan.FlipOptions{State: haproxy.State{Kind: haproxy.Hold, Seconds: 30}}
	stopped = plan.FlipOptions{State: haproxy.State{Kind: haproxy.Stop, Seconds: 60, Message: "hi"}}
)

// A pause and maintenance are parts of the route: whatever moves the traffic leaves them as they
// are, and only their own commands end them.
func TestState(t *testing.T) {
	file := func(v string) string { return options(version(v), "{guard: {bake: 1m}, canary: {}}") }
	inMemory(t, func(m *memory) {
		o, ctx := m.operator, m.t.Context()
		m.must(m.up(file("1")))
		m.must(o().State(ctx, plan.Pause, held))
		m.wantRoutes("2:blue::hold-30", "2:blue::hold-30")
		m.must(o().State(ctx, plan.Pause, held))
		m.wantTold("web state: requests wait, each for 30s at most already")
		m.wantRoutes("2:blue::hold-30", "2:blue::hold-30")
		m.must(m.upWith(file("2"), plan.UpOptions{Detach: true}))
		m.wantRoute("3:green::hold-30:", "")
		m.Trip("web")
		m.must(m.operator().Promote(ctx, plan.FlipOptions{}))
		m.wantTold("web state: requests wait, each for 30s at most: every proxy confirmed")
		if st, err := o().Status(ctx, false); err != nil || st.Services[1].Route.State != "paused" {
			m.t.Errorf("status: %v, %+v", err, st.Services[1].Route)
		}
		m.wantError(o().State(ctx, plan.Live, plan.FlipOptions{Services: []string{"web"}}), nil, "service web: requests wait, each for 30s at most: run `docker bluegreen resume web` to end that")
		m.must(o().State(ctx, plan.Live, plan.FlipOptions{}))
		m.wantRoute("", ":hold-30:tripped")
		m.must(o().State(ctx, plan.Resume, plan.FlipOptions{}))
		m.wantRoute("", ":blue:::tripped")
		m.must(o().State(ctx, plan.Maintain, stopped))
		m.wantRoute("", ":blue::stop-60-6869:tripped")
		m.must(o().Canary(ctx, plan.FlipOptions{Share: 20}))
		m.wantRoute("", ":blue:20:stop-60-6869:0")
		m.must(o().Flip(ctx, plan.FlipOptions{}))
		m.wantRoute("", "")
		for _, r := range m.Routes("web") {
			if !strings.Contains(r, ":green::stop-60-6869:") {
				m.t.Errorf("after a flip: %s", r)
			}
		}
		time.Sleep(2 * time.Minute)
		m.must(o().Wait(ctx, plan.FlipOptions{}))
		m.must(o().State(ctx, plan.Live, plan.FlipOptions{}))
		m.wantRoute("", ":green")
		m.must(o().State(ctx, plan.Resume, plan.FlipOptions{}))
		m.wantTold("web state: requests get to it already")
	})
}
