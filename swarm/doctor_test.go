package swarm

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// times are those that a finding names.
var times = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:]+Z`)

// found are the findings of doctor that are not ok, but for those that the swarm in memory always
// has: images have no digest, and the clock of one node is wrong.
func (m *memory) found(live bool) []string {
	m.t.Helper()
	before := m.Before
	m.Before = func(call, object string) error {
		if !strings.Contains(object, "_order-") { // the question to the proxies
			m.t.Errorf("doctor writes: %s %s", call, object)
		}
		return nil
	}
	r, err := m.operator().Doctor(m.t.Context(), live)
	m.Before = before
	m.must(err)
	var out []string
	for _, f := range r.Findings {
		usual := f.Check == "images" || f.Check == "clocks" && strings.Contains(f.Cause, "at least 1h0m0s ahead")
		if f.Level != doctor.OK && !usual {
			out = append(out, fmt.Sprintf("%s: %s", strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Level, f.Check, steady(f.Subject))), times.ReplaceAllString(steady(f.Cause), "TIME")))
		}
		if f.Level != doctor.OK && f.Way == "" {
			m.t.Errorf("no way out: %+v", f)
		}
	}
	return out
}

func (m *memory) lockOf(process string) {
	m.t.Helper()
	_, err := m.ConfigCreate(m.t.Context(), lockOf(process))
	m.must(err)
}

// What is broken is found, and nothing before it was broken and after it was repaired.
func TestDoctor(t *testing.T) {
	for name, tc := range map[string]struct {
		broken, repaired func(m *memory)
		live             bool
		want             []string
	}{
		"a node": {
			broken:   func(m *memory) { m.lose("n3") },
			repaired: func(m *memory) { m.SetNode("n3", api.NodeStateReady) },
			want:     []string{"error nodes nX: the node is down: while proxies may run there, commands that move traffic end with exit code 4"},
		},
		"a lock": {
			broken:   func(m *memory) { m.lockOf("another boot 1 2"); time.Sleep(2 * time.Minute) },
			repaired: func(m *memory) { m.must(m.upWith(version("2"), plan.UpOptions{LockTimeout: time.Minute})) },
			want: []string{"warning lock shop-bluegreen-lock: `docker bluegreen up` of ann@builder, since TIME has left its lock behind: " +
				"it has stood still for 3m0s"},
		},
		"drift": {
			broken:   func(m *memory) { m.byHand("shop_web", label(cluster.LabelAlias+"web", "1:blue")) },
			repaired: func(m *memory) { m.must(m.up(version("2"))) },
			live:     true,
			want: []string{"error drift: service web: proxy shop_web.X on nX sends to green (2), but the label says blue (1)",
				"error drift: service web: proxy shop_web.X on nX sends to green (2), but the label says blue (1)"},
		},
		"a flip that did not end": {
			broken: func(m *memory) {
				node := m.nodeOfProxy()
				m.lose(node)
				m.wantError(m.flip(), new(*cluster.UnconfirmedError))
				m.SetNode(node, api.NodeStateReady)
			},
			repaired: func(m *memory) { m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue"})) },
			want:     []string{"warning routes web: its route is written down, and not every proxy has confirmed it"},
		},
		"no proxies": {
			broken:   func(m *memory) { m.removeByHand("shop_web") },
			repaired: func(m *memory) { m.must(m.up(version("2"))) },
			want:     []string{"error routes web: its colors run and it has no proxies: nothing leads to them"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				if got := m.found(true); len(got) > 0 {
					m.t.Errorf("before: %s", strings.Join(got, "\n"))
				}
				tc.broken(m)
				m.calm()
				if got := m.found(tc.live); !slices.Equal(got, tc.want) {
					m.t.Errorf("found:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
				}
				tc.repaired(m)
				m.calm()
				if got := m.found(true); len(got) > 0 {
					m.t.Errorf("after: %s", strings.Join(got, "\n"))
				}
			})
		})
	}
}
