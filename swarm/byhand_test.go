package swarm

import (
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

const postgres = "postgres:16 |"

// What was changed by hand the next up repairs, without a flip where none is needed.
func TestChangedByHand(t *testing.T) {
	proxies := func(m *memory) string { return m.describe("shop_web") }
	for _, tc := range []struct {
		name        string
		change      func(m *memory)
		file        string
		told        []string
		route       string
		blue, green string
	}{
		{"the active color scaled down: a number set by hand stays", func(m *memory) { m.byHand("shop_web-green", scale(1)) }, version("2"),
			[]string{"up: nothing to do: the swarm holds what the file says"}, "2:green", "shop/web:1 x 3 of 3", "shop/web:2 x 1 of 1"},
		{"and a new version has what the file says", func(m *memory) { m.byHand("shop_web-green", scale(1)) }, version("3"),
			[]string{"web flip: blue is active: every proxy confirmed"}, "3:blue", "shop/web:3 x 3 of 3", "shop/web:2 x 1 of 1"},
		{"the active color scaled to 0", func(m *memory) { m.byHand("shop_web-green", scale(0)) }, version("2"),
			[]string{"web color green: 3 of 3 tasks ready"}, "2:green", "shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3"},
		{"the active color scaled up", func(m *memory) { m.byHand("shop_web-green", scale(5)) }, version("2"),
			[]string{"up: nothing to do: the swarm holds what the file says"}, "2:green", "shop/web:1 x 3 of 3", "shop/web:2 x 5 of 5"},
		{"replicas in the file", func(*memory) {}, strings.Replace(version("2"), "replicas: 3", "replicas: 5", 1),
			[]string{"web color green: 5 of 5 tasks ready"}, "2:green", "shop/web:1 x 3 of 3", "shop/web:2 x 5 of 5"},
		{"the image, which stays as by docker stack deploy", func(m *memory) { m.byHand("shop_web-green", image("shop/web:9")) }, version("2"),
			[]string{"up: nothing to do: the swarm holds what the file says"}, "2:green", "shop/web:1 x 3 of 3", "shop/web:9 x 3 of 3"},
		{"the environment of the active color", func(m *memory) {
			m.byHand("shop_web-green", func(s *api.ServiceSpec) { s.TaskTemplate.ContainerSpec.Env = []string{"A=b"} })
		}, version("2"), []string{"web flip: blue is active: every proxy confirmed"}, "3:blue", "shop/web:2 x 3 of 3", "shop/web:2 x 3 of 3"},
		{"the image of the idle color", func(m *memory) { m.byHand("shop_web-blue", image("shop/web:9")) }, version("2"),
			[]string{"up: nothing to do: the swarm holds what the file says"}, "2:green", "shop/web:9 x 3 of 3", "shop/web:2 x 3 of 3"},
		{"the idle color removed", func(m *memory) { m.removeByHand("shop_web-blue") }, version("2"),
			[]string{"up: nothing to do: the swarm holds what the file says"}, "2:green", "none", "shop/web:2 x 3 of 3"},
		{"the idle color removed, and a new version", func(m *memory) { m.removeByHand("shop_web-blue") }, version("3"),
			[]string{"web flip: blue is active: every proxy confirmed"}, "3:blue", "shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3"},
		{"the active color removed", func(m *memory) { m.removeByHand("shop_web-green") }, version("2"),
			[]string{"web color green: starting release 3: the active color was removed by hand"}, "2:green", "shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3"},
		{"the proxies removed", func(m *memory) { m.removeByHand("shop_web") }, version("2"),
			[]string{"web proxies: 2 of 2 tasks ready"}, "3:green", "shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3"},
		{"the proxies removed, and a new version", func(m *memory) { m.removeByHand("shop_web") }, version("3"),
			[]string{"web proxies: 2 of 2 tasks ready"}, "3:blue", "shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				tc.change(m)
				m.calm()
				m.forget()
				m.must(m.up(tc.file))
				m.wantTold(tc.told...)
				m.wantRoutes(tc.route, tc.route)
				m.wantColors(tc.blue, tc.green)
				if got := proxies(m); !strings.HasSuffix(got, " ||") {
					m.t.Errorf("the proxies are %s, want two", got)
				}
				m.forget()
				m.must(m.up(tc.file))
				m.wantTold("up: nothing to do: the swarm holds what the file says")
			})
		})
	}
}

// A color that takes the traffic and has no task gets its tasks before the proxies are replaced:
// new ones call themselves ready only when they can serve.
func TestNobodyServesWhenProxiesChange(t *testing.T) {
	ports := func(v string) string {
		return strings.Replace(version(v), `"80:8080"`, `"80:8080", "81:8081"`, 1)
	}
	for _, tc := range []struct {
		name   string
		change func(m *memory)
		file   string
	}{
		{"the active color removed", func(m *memory) { m.removeByHand("shop_web-green") }, ports("2")},
		{"the active color scaled to 0", func(m *memory) { m.byHand("shop_web-green", scale(0)) }, ports("2")},
		{"removed, and another image of the proxies", func(m *memory) { m.removeByHand("shop_web-green") },
			options(version("2"), "{proxy: {image: 'haproxy:3.0'}}")},
		{"scaled to 0, and another image of the proxies", func(m *memory) { m.byHand("shop_web-green", scale(0)) },
			options(version("2"), "{proxy: {image: 'haproxy:3.0'}}")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				tc.change(m)
				m.calm()
				m.must(m.up(tc.file))
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
				m.wantRoutes("2:green", "2:green")
				m.forget()
				m.must(m.up(tc.file))
				m.wantTold("up: nothing to do: the swarm holds what the file says")
			})
		})
	}
}

// Proxies that were scaled to 0 by hand: no command takes a release for served that nobody
// confirmed.
func TestProxiesScaledToNone(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.byHand("shop_web", scale(0))
		m.calm()
		const (
			none  = "service web: none of its proxies runs: see `docker service ps shop_web`"
			doubt = none + "\ntraffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first"
		)
		m.wantText(m.up(version("3")), none)
		m.wantText(m.flip(), none+"\n"+doubt)
		m.wantText(m.flip(), none)
		m.wantText(m.rollback(), none)
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.byHand("shop_web", scale(2))
		m.calm()
		m.must(m.up(version("3")))
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
		if got := m.Routes("web"); len(got) != 2 || got[0] != got[1] || !strings.HasSuffix(got[0], ":blue") {
			m.t.Errorf("proxies send by %v, want all to blue", got)
		}
	})
}

// docker service rollback of the proxies brings an older label back: the proxies do not follow it,
// and the next command corrects it.
func TestOlderLabelOfTheRoute(t *testing.T) {
	for _, tc := range []struct {
		name    string
		command in
		route   string
		told    []string
	}{
		{"up", upTo(version("3")), "3:blue", []string{"settle: the proxies follow another route than the label, " +
			"as after `docker service rollback`: the label is corrected"}},
		{"up with nothing to do", upTo(version("2")), "2:green", nil},
		{"up to what the label says", upTo(version("1")), "3:blue", []string{"settle: the proxies follow another route than the label, " +
			"as after `docker service rollback`: the label is corrected"}},
		{"flip", flipTo("green"), "2:green", []string{"web flip: green is active already"}},
		{"flip to what the label says", flipTo("blue"), "3:blue", []string{"settle: the proxies follow another route than the label, " +
			"as after `docker service rollback`: the label is corrected", "web flip: green → blue: every proxy confirmed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.byHand("shop_web", label(cluster.LabelAlias+"web", "1:blue"))
				m.calm()
				m.forget()
				m.must(tc.command(m.t.Context(), m))
				m.wantTold(tc.told...)
				color := strings.SplitN(tc.route, ":", 2)[1]
				routes := m.Routes("web")
				if written := m.Service("shop_web").Spec.Labels[cluster.LabelAlias+"web"]; written != routes[0] || !strings.HasSuffix(written, ":"+color) {
					m.t.Errorf("written down is %s, the proxies send by %v", written, routes)
				}
				m.wantRoutes(tc.route, tc.route)
			})
		})
	}
}

// By an older label, the color that proxies send to is the idle one. When it was removed by hand,
// its new release has the traffic as soon as it runs: no up says that it waits for a promote.
func TestOlderLabelAndNoActiveColor(t *testing.T) {
	file := func(v string) string { return options(version(v), "{promote: manual}") }
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		m.must(promoting(m.t.Context(), m))
		m.byHand("shop_web", label(cluster.LabelAlias+"web", "1:blue"))
		m.removeByHand("shop_web-green")
		m.forget()
		m.must(m.up(file("3")))
		m.wantNotTold("waits on green")
		m.wantTold("settle: the proxies follow another route than the label, as after `docker service rollback`: the label is corrected")
		m.wantRoutes("2:green", "2:green")
		if written := m.label(cluster.LabelAlias + "web"); written != "2:green" {
			m.t.Errorf("written down is %s, the proxies send by %v", written, m.Routes("web"))
		}
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:3 x 3 of 3")
	})
}

// Labels that nobody can read stop every command before it touches anything, and say what to write.
func TestBrokenLabels(t *testing.T) {
	route := "service web: label bluegreen.alias.web of shop_web: \"12\" is not a route: it should read like 7:green: " +
		"write it again with `docker service update --label-add bluegreen.alias.web=SEQUENCE:COLOR shop_web`"
	settings := "service web: label bluegreen.settings of shop_web cannot be read: invalid character 'o' in literal null (expecting 'u'): " +
		"run `docker bluegreen up` to write it again"
	for _, tc := range []struct {
		name, label, value string
		up, flip           string
	}{
		{"the route", cluster.LabelAlias + "web", "12", route, route},
		{"the settings", cluster.LabelSettings, "no", "", settings},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.byHand("shop_web", label(tc.label, tc.value))
				m.calm()
				m.wantText(m.flip(), tc.flip)
				m.wantText(m.rollback(), tc.flip)
				m.wantText(m.up(version("2")), tc.up)
				m.wantRoutes("2:green", "2:green")
				m.must(m.down())
				if left := m.Objects(); len(left) > 0 {
					m.t.Errorf("left: %v", left)
				}
			})
		})
	}
}

// A rollback repairs a color by hand; a flip refuses one that does not run, and says so.
func TestRollbackRepairs(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(m *memory)
		flip   string
	}{
		{"scaled to 0", func(m *memory) { m.byHand("shop_web-blue", scale(0)) }, ""},
		{"nothing", func(*memory) {}, ""},
		{"nowhere to run", func(m *memory) {
			m.byHand("shop_web-blue", func(s *api.ServiceSpec) {
				s.TaskTemplate.Placement = &api.Placement{Constraints: []string{"node.hostname==n9"}}
			})
		}, "service web: blue is not ready: 0 of 3 tasks of shop_web-blue run: see `docker service ps shop_web-blue`, " +
			"or run `docker bluegreen rollback web`, which repairs it first"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				tc.change(m)
				m.calm()
				m.wantText(m.flip(), tc.flip)
				if tc.flip != "" {
					m.wantRoutes("2:green", "2:green")
					return
				}
				m.wantRoutes("3:blue", "3:blue")
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
				m.byHand("shop_web-green", scale(0))
				m.calm()
				m.must(m.rollback())
				m.wantRoutes("4:green", "4:green")
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
			})
		})
	}
}

// Flips that cannot be: each says why, and what to do.
func TestFlipsThatCannotBe(t *testing.T) {
	for _, tc := range []struct {
		name           string
		before         func(m *memory)
		opts           plan.FlipOptions
		flip, rollback string
	}{
		{"one release", func(m *memory) { m.must(m.up(version("1"))) }, plan.FlipOptions{},
			"service web has no green yet: run `docker bluegreen up` with a new release",
			"service web cannot roll back: it has not been flipped yet"},
		{"a plain service", func(m *memory) { m.two() }, plan.FlipOptions{Services: []string{"db"}},
			"service db of stack shop is not blue-green: add x-bluegreen to it and run `docker bluegreen up`",
			"service db of stack shop is not blue-green: add x-bluegreen to it and run `docker bluegreen up`"},
		{"no such service", func(m *memory) { m.two() }, plan.FlipOptions{Services: []string{"www"}},
			"stack shop has no blue-green service www: it has web", "stack shop has no blue-green service www: it has web"},
		{"nothing", func(*memory) {}, plan.FlipOptions{}, "stack shop: nothing is deployed", "stack shop: nothing is deployed"},
		{"plain services only", func(m *memory) { m.must(m.up("services: {db: {image: 'postgres:16'}}")) }, plan.FlipOptions{},
			"stack shop has no blue-green service: run `docker bluegreen up` first", "stack shop has no blue-green service: run `docker bluegreen up` first"},
		{"none of that name", func(m *memory) { m.must(m.up("services: {db: {image: 'postgres:16'}}")) }, plan.FlipOptions{Services: []string{"www"}},
			"stack shop has no blue-green service www: it has none", "stack shop has no blue-green service www: it has none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				tc.before(m)
				before := m.services()
				m.wantText(m.operator().Flip(m.t.Context(), tc.opts), tc.flip)
				m.wantText(m.operator().Rollback(m.t.Context(), tc.opts), tc.rollback)
				m.wantServices(before)
			})
		})
	}
}

// A plain service that was changed by hand is updated to what the file says.
func TestPlainServiceChangedByHand(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.byHand("shop_db", scale(4))
		m.calm()
		m.must(m.up(version("1")))
		m.wantTold("db service: updated: replicas changed")
		m.removeByHand("shop_db")
		m.must(m.up(version("1")))
		m.wantServices(map[string]string{"shop_db": postgres, "shop_web": m.describe("shop_web"), "shop_web-blue": "shop/web:1 |||"})
		m.wantRoutes("1:blue", "1:blue")
	})
}
