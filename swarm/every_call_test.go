package swarm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// untouched fails the test if a color that a proxy sends to does not run in full, or not what is
// wanted there.
func (m *memory) untouched(failed string, err error, images map[cluster.Color]string) {
	m.t.Helper()
	if m.Service("shop_web").Spec.Labels[cluster.LabelRole] != cluster.RoleProxy {
		return
	}
	for _, route := range slices.Compact(m.Routes("web")) {
		_, color, _ := strings.Cut(route, ":")
		want := images[cluster.Color(color)] + " x 3 of 3"
		if got := m.color(cluster.Color(color)); got != want {
			m.t.Errorf("%s failed (%v): a proxy sends to %s, which is %s, want %s", failed, err, color, got, want)
		}
	}
}

// A call that fails, once before it is carried out or after, or with the two that follow: whichever
// it is, traffic goes where it went or to the new version, what takes it is not stopped, and the
// same command finishes.
func TestEachWriteFailsOnce(t *testing.T) {
	t.Parallel()
	type command = func(m *memory) error
	up := func(file string) command {
		return func(m *memory) error {
			o := plan.UpOptions{ResolveImage: plan.ResolveNever, LockTimeout: time.Hour, Yes: true}
			return m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, file), o)
		}
	}
	flip := func(m *memory) error {
		return m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue", LockTimeout: time.Hour})
	}
	rollback := func(m *memory) error {
		return m.operator().Rollback(m.t.Context(), plan.FlipOptions{LockTimeout: time.Hour})
	}
	down := func(m *memory) error {
		err := m.operator().Down(m.t.Context(), DownOptions{LockTimeout: time.Hour})
		if errors.Is(err, cluster.ErrNothingDeployed) {
			return nil
		}
		return err
	}
	plain := strings.Replace(version("2"), "    x-bluegreen: {}\n", "", 1)
	cold := func(v string) string {
		return strings.Replace(version(v), "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1)
	}
	first := map[cluster.Color]string{cluster.Blue: "shop/web:1", cluster.Green: "shop/web:2"}
	third := map[cluster.Color]string{cluster.Blue: "shop/web:3", cluster.Green: "shop/web:2"}
	for _, tc := range []struct {
		name    string
		before  []command
		command command
		// images are what colors that take traffic must hold, whenever the call fails.
		images map[cluster.Color]string
		routes string // in the end: the color; empty for no proxies
		writes int    // at least so many
	}{
		{"first", nil, up(version("1")), first, "blue", 8},
		{"new version", []command{up(version("1")), up(version("2"))}, up(version("3")), third, "blue", 14},
		{"keep cold", []command{up(cold("1")), up(cold("2"))}, up(cold("3")), third, "blue", 12},
		{"flip", []command{up(version("1")), up(version("2"))}, flip, first, "blue", 6},
		{"flip to a cold color", []command{up(cold("1")), up(cold("2"))}, flip, first, "blue", 7},
		{"rollback", []command{up(version("1")), up(version("2"))}, rollback, first, "blue", 6},
		{"adoption", []command{up(plain)}, up(version("2")), map[cluster.Color]string{cluster.Blue: "shop/web:2"}, "blue", 9},
		{"giving back", []command{up(version("1")), up(version("2"))}, up(plain), first, "", 8},
		{"down", []command{up(version("1")), up(version("2"))}, down, first, "", 6},
	} {
		for _, how := range []struct {
			name  string
			after bool
			times int32 // as often as labels are tried to be written, so that they stay unwritten
		}{{"before", false, 1}, {"after", true, 1}, {"three", false, 3}} {
			for n := 1; ; n++ {
				failed, ran := "", false
				t.Run(fmt.Sprintf("%s/%s/%d", tc.name, how.name, n), func(t *testing.T) {
					ran = true
					inMemory(t, func(m *memory) {
						for _, c := range tc.before {
							m.must(c(m))
						}
						defer m.watchRouter()()
						var count atomic.Int32 // calls come side by side
						var first sync.Once
						fail := func(call, object string) error {
							if at := count.Add(1); at >= int32(n) && at < int32(n)+how.times {
								first.Do(func() { failed = call + " " + object })
								return errors.New("unexpected EOF")
							}
							return nil
						}
						if how.after {
							m.After = fail
						} else {
							m.Before = fail
						}
						err := tc.command(m)
						m.Before, m.After = nil, nil
						if m.Service("shop_web") != nil {
							m.untouched(failed, err, tc.images)
						}
						if err == nil {
							return
						}
						time.Sleep(time.Minute) // a flip does not wait for a color that is starting
						m.must(tc.command(m))
						routes := slices.Compact(m.Routes("web"))
						if tc.routes == "" && len(routes) > 0 || tc.routes != "" && (len(routes) != 1 || !strings.HasSuffix(routes[0], ":"+tc.routes)) {
							m.t.Errorf("%s failed (%v): in the end proxies send by %v", failed, err, routes)
						}
					})
				})
				if failed == "" {
					if ran && n <= tc.writes {
						t.Errorf("%s makes only %d writes", tc.name, n-1)
					}
					break
				}
			}
		}
	}
}
