package swarm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// in is a command that ends with its context.
type in = func(ctx context.Context, m *memory) error

func upTo(file string) in {
	return func(ctx context.Context, m *memory) error {
		return m.upIn(ctx, file, plan.UpOptions{LockTimeout: time.Hour, Yes: true})
	}
}

func flipTo(color string) in {
	return func(ctx context.Context, m *memory) error {
		return m.operator().Flip(ctx, plan.FlipOptions{To: color, LockTimeout: time.Hour})
	}
}

func rollingBack(ctx context.Context, m *memory) error {
	return m.operator().Rollback(ctx, plan.FlipOptions{LockTimeout: time.Hour})
}

func goingDown(ctx context.Context, m *memory) error {
	err := m.operator().Down(ctx, DownOptions{LockTimeout: time.Hour})
	if errors.Is(err, cluster.ErrNothingDeployed) {
		return nil
	}
	return err
}

// change is a command at each of whose calls something goes wrong.
type change struct {
	name    string
	before  []in
	command in
	// images are what colors that take traffic must hold, whenever it goes wrong.
	images map[cluster.Color]string
	color  string // that is active in the end; empty for no proxies
	writes int    // at least so many
}

// changes are the commands that write, each in all that it can be asked to do.
func changes() []change {
	cold := func(v string) string { return options(version(v), "{keep: cold}") }
	two, twoCold := []in{upTo(version("1")), upTo(version("2"))}, []in{upTo(cold("1")), upTo(cold("2"))}
	first := map[cluster.Color]string{cluster.Blue: "shop/web:1", cluster.Green: "shop/web:2"}
	third := map[cluster.Color]string{cluster.Blue: "shop/web:3", cluster.Green: "shop/web:2"}
	adopted := map[cluster.Color]string{cluster.Blue: "shop/web:2"}
	return []change{
		{"first", nil, upTo(version("1")), first, "blue", 8},
		{"new version", two, upTo(version("3")), third, "blue", 14},
		{"keep cold", twoCold, upTo(cold("3")), third, "blue", 12},
		{"flip", two, flipTo("blue"), first, "blue", 6},
		{"flip to a cold color", twoCold, flipTo("blue"), first, "blue", 7},
		{"rollback", two, rollingBack, first, "blue", 6},
		{"adoption", []in{upTo(plainly(version("1")))}, upTo(version("2")), adopted, "blue", 9},
		{"giving back", two, upTo(plainly(version("2"))), first, "", 8},
		{"down", two, goingDown, first, "", 6},
	}
}

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

// finishes runs the command again, to its end.
func (m *memory) finishes(command in, color string) {
	m.t.Helper()
	m.calm()
	m.must(command(m.t.Context(), m))
	routes := slices.Compact(m.Routes("web"))
	if color == "" && len(routes) > 0 || color != "" && (len(routes) != 1 || !strings.HasSuffix(routes[0], ":"+color)) {
		m.t.Errorf("in the end proxies send by %v", routes)
	}
}
