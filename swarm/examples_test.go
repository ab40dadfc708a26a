package swarm

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// example runs an up of one of the examples.
func (m *memory) example(name, version string) error {
	m.t.Helper()
	p, err := compose.Load(m.t.Context(), compose.Options{Files: []string{"../examples/" + name + "/compose.yaml"}, Name: "shop", Environ: []string{"V=" + version}})
	m.must(err)
	return m.operator().Up(m.t.Context(), p, never)
}

// The examples do what their first lines say. That of the metrics needs a Prometheus:
// TestDashboard.
func TestExamples(t *testing.T) {
	only := plan.FlipOptions{Services: []string{"web"}}
	t.Run("careful", func(t *testing.T) {
		inMemory(t, func(m *memory) {
			m.must(m.example("careful", "v1"))
			m.must(m.example("careful", "v2"))
			m.wantRoutes("1:blue", "1:blue")
			m.wantTold("web test smoke: completed")
			m.must(m.operator().Canary(m.t.Context(), plan.FlipOptions{Share: 10}))
			m.wantRoutes("2:blue:10", "2:blue:10")
			m.must(m.operator().Promote(m.t.Context(), only))
			m.wantRoutes("3:green", "3:green")
			m.must(m.rollback())
			m.wantRoutes("4:blue", "4:blue")
		})
	})
	t.Run("guarded", func(t *testing.T) {
		inMemory(t, func(m *memory) {
			m.must(m.example("guarded", "v1"))
			m.must(m.example("guarded", "v2"))
			m.wantRoute("", "green")
			ended := make(chan error, 1)
			go func() { ended <- m.example("guarded", "v3") }()
			for !m.Trip("web") { // as soon as it has a share
				time.Sleep(time.Second)
			}
			m.wantError(<-ended, new(*cluster.UnhealthyError), "its guard took it back")
			m.wantRoute("", "green:::tripped")
		})
	})
	t.Run("hello", func(t *testing.T) {
		inMemory(t, func(m *memory) {
			m.must(m.example("hello", "1.22"))
			m.must(m.example("hello", "1.26"))
			m.wantRoute("", "green")
			m.must(m.rollback())
			m.wantRoute("", "blue")
			m.must(m.operator().Down(m.t.Context(), DownOptions{}))
		})
	})
	t.Run("maintenance", func(t *testing.T) {
		inMemory(t, func(m *memory) {
			state := func(command plan.Command, s plan.State) {
				m.must(m.operator().State(m.t.Context(), command, plan.FlipOptions{State: s}))
			}
			m.must(m.example("maintenance", "v1"))
			state(plan.Pause, plan.State{Kind: plan.Hold, Seconds: 20})
			m.wantRoute("", "blue::hold-20")
			state(plan.Resume, plan.State{})
			state(plan.Maintain, plan.State{Kind: plan.Stop, Seconds: 60})
			m.must(m.example("maintenance", "v2"))
			m.wantRoute("", "green::stop-60")
			state(plan.Live, plan.State{})
			m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
			m.wantRoute("", "blue")
			if h, err := m.operator().History(m.t.Context(), nil); err != nil || len(h.Releases) != 2 || !strings.HasSuffix(h.Releases[1].Files, "maintenance/compose.yaml") {
				m.t.Errorf("the history is %+v, %v", h, err)
			}
		})
	})
	t.Run("shop", func(t *testing.T) {
		inMemory(t, func(m *memory) {
			m.must(m.example("shop", "v1"))
			m.must(m.example("shop", "v1"))
			m.wantTold("up: nothing to do: the swarm holds what the file says")
		})
	})
}
