package swarm

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

var whoAndWhen = regexp.MustCompile(`\S+@\S+`)

// wantHistory compares what is written down of the releases of web, the newest first: a line for
// each, and below it what happened to it.
func (m *memory) wantHistory(want string) {
	m.t.Helper()
	h, err := m.operator().History(m.t.Context(), []string{"web"})
	m.must(err)
	var b strings.Builder
	for _, r := range h.Releases {
		fmt.Fprintf(&b, "%d %s %s %s", r.Release, r.Color, r.Image, r.Outcome)
		if r.Cause != "" {
			b.WriteString(": " + r.Cause)
		}
		if r.Again > 0 {
			fmt.Fprintf(&b, ", release %d again", r.Again)
		}
		b.WriteString("\n")
		for _, e := range r.Log {
			if !whoAndWhen.MatchString(e.By) || e.At.IsZero() {
				m.t.Errorf("release %d: %s by %q at %s", r.Release, e.What, e.By, e.At)
			}
			fmt.Fprintf(&b, "  %s\n", strings.TrimSpace(fmt.Sprintf("%s, %s %s", e.What, e.Command, e.Text)))
		}
	}
	if got := b.String(); got != strings.TrimLeft(want, "\n") {
		m.t.Errorf("history:\n%s\nwant:\n%s\nevents:\n%s", got, want, strings.Join(m.events, "\n"))
	}
}

// Each release is written down with what came of it.
func TestHistory(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.SetApp("shop/web:3", exits)
		m.wantError(m.up(version("3")), nil, "did not become healthy")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Reason: "orders are lost"}))
		m.must(m.up(version("4")))
		m.must(m.flip())
		m.wantHistory(`
4 green shop/web:4 idle
  created, up
  active, up
3 blue shop/web:3 failed: 3 tasks of one slot failed
  created, up
  failed, up 3 tasks of one slot failed
2 green shop/web:2 rolled back: orders are lost
  created, up
  active, up
  rolled back, rollback orders are lost
1 blue shop/web:1 active
  created, up
  active, up
  active, rollback
  active, flip
`)
		m.must(m.down())
		if left := m.Objects(); len(left) > 0 {
			m.t.Errorf("left: %v", left)
		}
	})
}

// Shares, pauses and trips of guards are in the history, too.
func TestHistoryOfTraffic(t *testing.T) {
	file := func(v string) string { return options(version(v), "{guard: {}, canary: {}, promote: manual}") }
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		m.must(m.operator().Canary(m.t.Context(), plan.FlipOptions{Share: 10}))
		m.must(m.operator().State(m.t.Context(), plan.Maintain, plan.FlipOptions{State: plan.State{Kind: plan.Stop, Seconds: 60}}))
		m.must(m.operator().State(m.t.Context(), plan.Live, plan.FlipOptions{}))
		m.must(m.operator().Promote(m.t.Context(), plan.FlipOptions{}))
		if !m.Trip("web") {
			t.Fatal("no guard watches")
		}
		m.wantError(m.operator().Wait(m.t.Context(), plan.FlipOptions{}), nil, "took it back")
		m.wantHistory(`
2 green shop/web:2 taken back: ` + m.label(cluster.LabelTripped) + `
  created, up
  share, canary 10 %
  active, promote
  went back, wait ` + m.label(cluster.LabelTripped) + `
1 blue shop/web:1 active
  created, up
  active, up
  state, maintenance maintenance
  state, live live
`)
	})
}

// The history keeps as many releases as the file says, and none if that is 0.
func TestHistoryIsKept(t *testing.T) {
	file := func(v, keep string) string { return options(version(v), "{history: "+keep+"}") }
	inMemory(t, func(m *memory) {
		for _, v := range []string{"1", "2", "3", "4"} {
			m.must(m.up(file(v, "3")))
		}
		m.wantReleases("web", 2, 3, 4)
		m.forget()
		m.must(m.up(file("4", "3")))
		m.wantTold("up: nothing to do: the swarm holds what the file says")
		m.must(m.up(file("4", "1"))) // the way back is not forgotten
		m.wantReleases("web", 3, 4)
		m.must(m.up(file("5", "0")))
		m.wantReleases("web", 4)
		m.must(m.up(file("6", "0")))
		m.wantReleases("web")
		m.wantRoutes("6:green", "6:green")
	})
}

func (m *memory) wantReleases(service string, want ...int) {
	m.t.Helper()
	var got []int
	for n := 1; n < 20; n++ {
		if slices.Contains(m.Objects(), fmt.Sprintf("config shop-bluegreen_%s-release-%d", service, n)) {
			got = append(got, n)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("the releases %v are written down, want %v", got, want)
	}
}

// An earlier release comes back as a new one, with the config and the secret that it had, and with
// the number of replicas of now.
func TestRollbackTo(t *testing.T) {
	file := func(v, conf, key string) string {
		return strings.Replace(withFiles(v, conf, key), "{history: 0}", "{}", 1)
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1", "one", "KEY_ONE")))
		conf, key := m.refers("shop_web-blue")
		m.must(m.up(file("2", "two", "KEY_TWO")))
		m.must(m.up(file("3", "three", "KEY_THREE")))
		m.must(m.up(strings.Replace(file("3", "three", "KEY_THREE"), "    configs: [conf]\n", "    deploy: {replicas: 3}\n    configs: [conf]\n", 1)))
		m.wantRoutes("3:blue", "3:blue")

		dry, err := m.operator().PlanRollback(m.t.Context(), plan.FlipOptions{Release: 1})
		m.must(err)
		if got, want := dry.String(), `stop color shop_web-green: release 2 makes room for release 4
start color shop_web-green: release 4: it is release 1 again
flip shop_web to green: release 1 again
`; got != want {
			t.Errorf("plan:\n%s\nwant:\n%s", got, want)
		}
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1, Reason: "prices are wrong"}))
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:1 x 3 of 3")
		if c, k := m.refers("shop_web-green"); c != conf || k != key {
			t.Errorf("it has %s and %s, and not %s and %s", c, k, conf, key)
		}
		m.wantHistory(`
4 green shop/web:1 active, release 1 again
  created, rollback
  active, rollback
3 blue shop/web:3 rolled back: prices are wrong
  created, up
  active, up
  rolled back, rollback prices are wrong
2 green shop/web:2 replaced
  created, up
  active, up
1 blue shop/web:1 replaced
  created, up
  active, up
`)
		m.forget()
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
		m.wantTold("web flip: green is active already")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 3})) // its tasks still run
		m.wantRoutes("5:blue", "5:blue")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 4}))
		m.must(m.up(file("3", "three", "KEY_THREE"))) // blue holds it still
		m.wantRoutes("7:blue", "7:blue")
	})
}

// refers are the config and the secret of a service.
func (m *memory) refers(service string) (config, secret string) {
	c := m.Service(service).Spec.TaskTemplate.ContainerSpec
	return c.Configs[0].ConfigName, c.Secrets[0].SecretName
}

// What an earlier release needs is not there any more, or it does not run: nothing has changed.
func TestRollbackToFails(t *testing.T) {
	inMemory(t, func(m *memory) {
		for _, v := range []string{"1", "2", "3"} {
			m.must(m.up(version(v)))
		}
		to := func(release int, services ...string) error {
			return m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: release, Services: services})
		}
		m.wantText(to(9), "service web: release 9 is not in the history, which has 3, 2, 1: run `docker bluegreen up` with the file of that release")
		m.SetApp("shop/web:1", swarmtest.App{Start: time.Second, Fails: true, Log: []string{"no database"}})
		var unhealthy *cluster.UnhealthyError
		m.wantError(to(1), &unhealthy, "service web (green)", "no database", "holds release 2 again", "traffic was not touched")
		m.wantRoutes("3:blue", "3:blue")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.rollback())
		m.wantRoutes("4:green", "4:green")

		two := strings.Replace(version("4"), "services:\n", "services:\n  api: {image: 'shop/api:1', expose: [8080], x-bluegreen: {}}\n", 1)
		m.must(m.up(two))
		m.wantText(to(1), "each service has releases of its own: name the service that goes back to release 1: api, web")
	})
	inMemory(t, func(m *memory) {
		file := func(v, conf, key string) string {
			return strings.Replace(withFiles(v, conf, key), "{history: 0}", "{}", 1)
		}
		m.must(m.up(file("1", "one", "KEY_ONE")))
		_, key := m.refers("shop_web-blue")
		m.must(m.up(file("2", "one", "KEY_TWO")))
		m.must(m.up(file("3", "one", "KEY_TWO")))
		secrets, err := m.SecretList(m.t.Context(), api.SecretListOptions{})
		m.must(err)
		for _, s := range secrets {
			if s.Spec.Name == key {
				m.must(m.SecretRemove(m.t.Context(), s.ID))
			}
		}
		m.wantText(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}),
			"service web: release 1 needs the secret "+key+", and the swarm does not have it any more: run `docker bluegreen up` with the file of that release")
	})
}

// Ports and health checks belong to a release: the proxies get those of the earlier one first.
func TestRollbackToOtherPorts(t *testing.T) {
	other := func(v string) string { return options(version(v), "{health: {path: /ready}}") }
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.must(m.up(other("2")))
		m.must(m.up(other("3")))
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:1 x 3 of 3")
		m.wantTold("web color green: starting release 4: it is release 1 again", "web proxies: changed: the ports or the health check of the release differ; they are replaced one after the other")
		m.forget()
		m.must(m.up(other("3"))) // which blue holds
		m.wantRoutes("5:blue", "5:blue")
	})
}

// The proxies keep their maintenance page when they get the ports of an earlier release: nothing
// but their config holds it.
func TestRollbackToKeepsThePage(t *testing.T) {
	page := filepath.Join(t.TempDir(), "maintenance.html")
	if err := os.WriteFile(page, []byte("<p>Back at ten</p>\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(v, health string) string {
		return options(version(v), "{maintenance: {page: "+page+"}, health: {path: "+health+"}}")
	}
	inMemory(t, func(m *memory) {
		files := func() []string {
			var names []string
			for _, c := range m.Service("shop_web").Spec.TaskTemplate.ContainerSpec.Configs {
				names = append(names, c.File.Name+" "+c.ConfigName)
			}
			return names
		}
		m.must(m.up(file("1", "/a")))
		of1 := files()
		m.must(m.up(file("2", "/b")))
		m.must(m.up(file("3", "/b")))
		of3 := files()
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
		m.wantRoutes("4:green", "4:green")
		m.wantTold("web proxies: changed: the ports or the health check of the release differ; they are replaced one after the other")
		changed := 0
		for i, name := range files() {
			if name != of3[i] {
				changed++
			}
			if isPage := strings.HasPrefix(name, "/bluegreen/maintenance.html "); isPage && name != of1[i] || isPage != (i == 4) {
				m.t.Errorf("file %d is %s, and was %s", i, name, of1[i])
			}
		}
		if changed != 1 { // haproxy.cfg, which names the page
			m.t.Errorf("%d of %v are others than in %v", changed, files(), of3)
		}
		configs, err := m.ConfigList(m.t.Context(), api.ConfigListOptions{})
		m.must(err)
		for _, c := range configs {
			if strings.HasSuffix(files()[1], " "+c.Spec.Name) && !strings.Contains(string(c.Spec.Data), "setenv BLUEGREEN_PAGE") {
				m.t.Errorf("it names no page: %s", c.Spec.Data)
			}
		}
	})
}

// A release that has a share, or is watched, is left before the earlier one comes.
func TestRollbackToOutOfAShare(t *testing.T) {
	file := func(v string) string { return options(version(v), "{canary: {}, promote: manual}") }
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		for _, v := range []string{"2", "3"} {
			m.must(m.up(file(v)))
			m.must(m.operator().Promote(m.t.Context(), plan.FlipOptions{}))
		}
		m.must(m.up(file("4")))
		m.must(m.operator().Canary(m.t.Context(), plan.FlipOptions{Share: 10}))
		m.wantRoutes("4:blue:10", "4:blue:10")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
		m.wantRoutes("6:green", "6:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:1 x 3 of 3")
	})
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		for _, v := range []string{"2", "3"} {
			m.must(m.upWith(guarded(v), plan.UpOptions{Detach: true, SkipBake: true}))
		}
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}))
		m.wantRoute("8:green", "green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:1 x 3 of 3")
	})
}

// A release without a port that the proxies publish is refused: they would answer 503 there. If
// both have one port only, the proxies lead from one to the other.
func TestRollbackToAnotherPublishedPort(t *testing.T) {
	for name, tc := range map[string]struct{ ports, refused string }{
		"one port":  {"", ""},
		"two ports": {", '81:7070'", "service web: release 1 does not listen on port 9090, which is published as 80: run `docker bluegreen up` with the file of that release"},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := func(v, target string) string {
					return "services:\n  web: {image: 'shop/web:" + v + "', ports: ['80:" + target + "'" + tc.ports + "], x-bluegreen: {}}\n"
				}
				m.must(m.up(file("1", "8080")))
				m.must(m.up(file("2", "9090")))
				m.must(m.up(file("3", "9090")))
				m.wantText(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}), tc.refused)
			})
		})
	}
}
