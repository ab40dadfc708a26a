package swarm

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// What an interruption says: where traffic is, and how to go on.
func TestWhatAnInterruptionSays(t *testing.T) {
	two := []in{upTo(version("1")), upTo(version("2"))}
	for _, tc := range []struct {
		name    string
		before  []in
		command in
		call    string
		object  string
		want    string
		route   string // the answers of the proxies, by which the next command goes
	}{
		{"before anything", two, upTo(version("3")), "ConfigCreate", "shop-bluegreen-lock", "interrupted: nothing was done", "2:green"},
		{"before the color is touched", two, upTo(version("3")), "ServiceCreate", "shop-bluegreen_order-X",
			"interrupted: traffic is where it was; run `docker bluegreen up` again to finish", "2:green"},
		{"when the color is stopped", two, upTo(version("3")), "ServiceUpdate", "shop_web-blue",
			"interrupted: traffic is where it was; shop_web-blue is half-way to another release; run `docker bluegreen up` again to finish, " +
				"or `docker bluegreen rollback` to go back to the release before the active one", "2:green"},
		{"when the flip is written down", two, upTo(version("3")), "ServiceUpdate", "shop_web",
			"interrupted: traffic is where it was; shop_web-blue is half-way to another release; run `docker bluegreen up` again to finish, " +
				"or `docker bluegreen rollback` to go back to the release before the active one", "4:green"},
		{"a flip before the order", two, flipTo("blue"), "ServiceUpdate", "shop_web", "interrupted: traffic is where it was; run the same command again", "4:green"},
		{"a rollback before the order", two, rollingBack, "ServiceUpdate", "shop_web", "interrupted: traffic is where it was; run the same command again", "4:green"},
		{"down", two, goingDown, "ServiceRemove", "shop_web",
			"interrupted: a part of stack shop may be removed; run `docker bluegreen down` again for the rest", "2:green"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				for _, c := range tc.before {
					m.must(c(m.t.Context(), m))
				}
				ctx, interrupt := context.WithCancel(m.t.Context())
				defer interrupt()
				m.Before = func(call, object string) error {
					if call == tc.call && steady(object) == tc.object {
						interrupt()
					}
					return nil
				}
				m.wantText(tc.command(ctx, m), tc.want)
				m.Before = nil
				m.wantRoutes(tc.route, tc.route)
			})
		})
	}
}

// interruptedWhen interrupts a command as soon as it tells an event.
func (m *memory) interruptedWhen(told string, command in) error {
	ctx, interrupt := context.WithCancel(m.t.Context())
	defer interrupt()
	go func() {
		for ctx.Err() == nil {
			m.mu.Lock()
			for _, e := range m.events {
				if strings.HasPrefix(e, told) {
					interrupt()
				}
			}
			m.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	}()
	return command(ctx, m)
}

// After the order the flip is completed and written down, whenever the interruption comes.
func TestInterruptedAfterTheOrder(t *testing.T) {
	cold := func(v string) string {
		return strings.Replace(version(v), "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1)
	}
	for _, tc := range []struct {
		name    string
		command in
		told    string
		want    string
	}{
		{"up", upTo(cold("3")), "web drain green",
			"interrupted: traffic of web has moved to the new release; run `docker bluegreen up` again to finish"},
		{"flip", flipTo("blue"), "web drain green", "interrupted: traffic of web has moved; the old color may still run"},
		{"rollback", rollingBack, "web drain green", "interrupted: traffic of web has moved; the old color may still run"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(cold("1")))
				m.must(m.up(cold("2")))
				m.forget()
				m.wantText(m.interruptedWhen(tc.told, tc.command), tc.want)
				m.wantRoutes("3:blue", "3:blue")
				if l := m.Service("shop_web").Spec.Labels; l[cluster.LabelAlias+"web"] != "3:blue" || l[cluster.LabelNext] != "" {
					t.Errorf("written down is %s, next %q; want 3:blue and none", l[cluster.LabelAlias+"web"], l[cluster.LabelNext])
				}
				m.must(m.upIn(m.t.Context(), cold(map[bool]string{true: "3", false: "1"}[tc.name == "up"]), plan.UpOptions{}))
				m.calm()
				if green := m.color(cluster.Green); green != "shop/web:2 x 0 of 0" {
					t.Errorf("green is %s, want it cold", green)
				}
			})
		})
	}
}
