package swarm

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// exits is an app whose tasks end by themselves.
var exits = swarmtest.App{Start: time.Second, Fails: true, Log: []string{"no database"}}

const failedTask = "\n  %s.X on nX: failed (exit code 3): task: non-zero exit (3)\n    | no database"

// threeFailed tells three failed tasks of the first slot.
func threeFailed(service string) string {
	return strings.Repeat(strings.Replace(failedTask, "%s", service, 1), 3)
}

func options(file, settings string) string {
	return strings.Replace(file, "x-bluegreen: {}", "x-bluegreen: "+settings, 1)
}

// A failure before the flip puts all back that was touched: what the user reads, and what is there.
func TestFailureIsUndone(t *testing.T) {
	twoPorts := strings.Replace(version("3"), `"80:8080"`, `"80:8080", "81:8081"`, 1)
	for _, tc := range []struct {
		name   string
		before func(m *memory)
		broken string // image
		file   string
		want   string
	}{
		{"first release", func(*memory) {}, "shop/web:3", version("3"),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web-blue") +
				"\nshop_web-blue was removed again; traffic was not touched"},
		{"first proxies", func(*memory) {}, bluegreen.DefaultProxyImage, version("3"),
			"service web did not become healthy: its proxies failed" + threeFailed("shop_web") +
				"\nshop_web-blue was removed again; traffic was not touched"},
		{"new version", func(m *memory) { m.two() }, "shop/web:3", version("3"),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web-blue") +
				"\nshop_web-blue holds release 1 again; traffic was not touched"},
		{"second release", func(m *memory) { m.must(m.up(version("1"))) }, "shop/web:3", version("3"),
			"service web (green) did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web-green") +
				"\nshop_web-green was removed again; traffic was not touched"},
		{"new version and ports", func(m *memory) { m.two() }, "shop/web:3", twoPorts,
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web-blue") +
				"\nshop_web has its earlier settings again; shop_web-blue holds release 1 again; traffic was not touched"},
		{"new version in another mode", func(m *memory) { m.two() }, "shop/web:3",
			strings.Replace(version("3"), "replicas: 3", "mode: global", 1),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" +
				strings.ReplaceAll(threeFailed("shop_web-blue"), "blue.X", "blue.nX") +
				"\nshop_web-blue holds release 1 again; traffic was not touched"},
		{"adoption: the color", func(m *memory) { m.must(m.up(plainly(version("1")))) }, "shop/web:3", version("3"),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web-blue") +
				"\nshop_web-blue was removed again; traffic was not touched"},
		{"adoption: the proxies", func(m *memory) { m.must(m.up(plainly(version("1")))) }, bluegreen.DefaultProxyImage, version("3"),
			"service web did not become healthy: its proxies failed" + threeFailed("shop_web") +
				"\nshop_web is a plain service again; shop_web-blue was removed again; traffic was not touched"},
		{"giving back", func(m *memory) { m.two() }, "shop/web:3", plainly(version("3")),
			"service web did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web") +
				"\nshop_web has its earlier settings again; traffic was not touched"},
		{"another image of the proxies", func(m *memory) { m.two() }, "haproxy:0", options(version("2"), "{proxy: {image: 'haproxy:0'}}"),
			"service web did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web") +
				"\nshop_web has its earlier settings again; traffic was not touched"},
		{"plain service", func(m *memory) { m.two() }, "postgres:17", strings.Replace(version("2"), "postgres:16", "postgres:17", 1),
			"service db did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_db") + "\ntraffic was not touched"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				tc.before(m)
				m.calm()
				before, routes := m.services(), m.Routes("web")
				m.SetApp(tc.broken, exits)
				defer m.watchRouter()()
				err := m.upWith(tc.file, plan.UpOptions{Yes: true})
				m.wantText(err, tc.want)
				m.calm()
				after := m.services()
				delete(before, "shop_db")
				delete(after, "shop_db")
				if !maps.Equal(after, before) {
					m.t.Errorf("services %v,\nwant %v", after, before)
				}
				m.wantRoutes(routes...)
				m.SetApp(tc.broken, m.Default)
				m.calm()
				m.must(m.upWith(tc.file, plan.UpOptions{Yes: true}))
			})
		})
	}
}

// The release before is broken too by now: it is given back all the same, and the user is told.
func TestReleaseBeforeIsBrokenToo(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.SetApp("shop/web:1", exits)
		m.SetApp("shop/web:3", exits)
		m.wantText(m.up(version("3")), "service web (blue) did not become healthy: 3 tasks of one slot failed"+threeFailed("shop_web-blue")+
			"\nshop_web-blue holds release 1 again, but it does not run: 3 tasks of one slot failed; traffic was not touched")
		m.wantRoutes("2:green", "2:green")
		m.wantText(m.flip(), "service web: blue is not ready: 0 of 3 tasks of shop_web-blue run: see `docker service ps shop_web-blue`, "+
			"or run `docker bluegreen rollback web`, which repairs it first")
		m.wantText(m.rollback(), "service web (blue) did not become healthy: 3 tasks of one slot failed"+threeFailed("shop_web-blue")+"\ntraffic was not touched")
		m.wantRoutes("2:green", "2:green")
		m.SetApp("shop/web:1", m.Default)
		m.calm()
		m.must(m.rollback())
		m.wantRoutes("3:blue", "3:blue")
	})
}

// What cannot be put back is named, and the next command puts it back.
func TestUndoThatFails(t *testing.T) {
	for _, tc := range []struct {
		name         string
		before       func(m *memory)
		broken       string
		call, object string
		file         string
		want         string
	}{
		{"a color", func(m *memory) { m.two() }, "shop/web:3", "ServiceUpdate", "shop_web-blue", version("3"),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + threeFailed("shop_web-blue") + "\ntraffic was not touched\n" +
				"shop_web-blue could not be restored: update service shop_web-blue: refused: run `docker bluegreen up` or `rollback` again"},
		{"an adopted service", func(m *memory) { m.must(m.up(plainly(version("1")))) }, bluegreen.DefaultProxyImage, "ServiceUpdate", "shop_web", version("1"),
			"service web did not become healthy: its proxies failed" + threeFailed("shop_web") + "\nshop_web-blue was left running, because proxies may send to it; traffic was not touched\n" +
				"service web: its earlier proxies could not be restored: update service shop_web: refused"},
		{"a color that had another mode", func(m *memory) { m.two() }, "shop/web:3", "ServiceRemove", "shop_web-blue",
			strings.Replace(version("3"), "replicas: 3", "mode: global", 1),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + strings.ReplaceAll(threeFailed("shop_web-blue"), "blue.X", "blue.nX") +
				"\ntraffic was not touched\n" +
				"shop_web-blue could not be restored: remove service shop_web-blue: refused: run `docker bluegreen up` or `rollback` again"},
		{"a color that is made anew", func(m *memory) { m.two() }, "shop/web:3", "ServiceCreate", "shop_web-blue",
			strings.Replace(version("3"), "replicas: 3", "mode: global", 1),
			"service web (blue) did not become healthy: 3 tasks of one slot failed" + strings.ReplaceAll(threeFailed("shop_web-blue"), "blue.X", "blue.nX") +
				"\ntraffic was not touched\n" +
				"shop_web-blue could not be restored: create service shop_web-blue: refused: run `docker bluegreen up` or `rollback` again"},
		{"new proxies", func(*memory) {}, bluegreen.DefaultProxyImage, "ServiceRemove", "shop_web", version("1"),
			"service web did not become healthy: its proxies failed" + threeFailed("shop_web") + "\nshop_web-blue was left running, because proxies may send to it; traffic was not touched\n" +
				"service web: its new proxies could not be removed: remove service shop_web: refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				tc.before(m)
				m.SetApp(tc.broken, exits)
				failed := false // from the first failed task on
				m.Before = func(call, object string) error {
					for _, task := range m.tasksOf(object) {
						failed = failed || task == "failed"
					}
					if failed && call == tc.call && strings.HasPrefix(object, tc.object) {
						return errRefused
					}
					return nil
				}
				m.wantText(m.up(tc.file), tc.want)
				m.Before = nil
				m.SetApp(tc.broken, m.Default)
				m.calm()
				m.must(m.up(tc.file))
				routes := m.Routes("web")
				if len(routes) != 2 && len(routes) != 3 || !strings.HasSuffix(routes[0], ":blue") {
					m.t.Errorf("proxies send by %v, want all to blue", routes)
				}
			})
		})
	}
}

// tasksOf are the states of a service's tasks.
func (m *memory) tasksOf(service string) []string {
	svc := m.Service(service)
	if svc == nil {
		return nil
	}
	tasks, err := m.tasks(svc.ID)
	if err != nil {
		return nil
	}
	var states []string
	for _, t := range tasks {
		states = append(states, string(t.Status.State))
	}
	return states
}

// One order moves all services that do not depend on each other; one that fails holds those back
// that depend on it, and what has moved stays moved.
func TestServicesThatDepend(t *testing.T) {
	file := func(api, web string) string {
		return `services:
  api: {image: 'shop/api:` + api + `', expose: [8080], x-bluegreen: {}}
  web:
    image: shop/web:` + web + `
    expose: [8080]
    depends_on: [api]
    x-bluegreen: {}
`
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1", "1")))
		m.SetApp("shop/web:2", exits)
		m.wantText(m.up(file("2", "2")), "service web (green) did not become healthy: 3 tasks of one slot failed"+threeFailed("shop_web-green")+
			"\nshop_web-green was removed again; traffic of api has moved to the new release, other traffic was not touched")
		if got := m.Routes("api"); strings.Join(got, " ") != "1:blue 1:blue" && strings.Join(got, " ") != "2:green 2:green" {
			m.t.Errorf("proxies of api send by %v", got)
		}
		m.wantRoutes("1:blue", "1:blue")
		m.SetApp("shop/api:3", exits)
		m.wantText(m.up(file("3", "3")), "service api (blue) did not become healthy: 3 tasks of one slot failed"+threeFailed("shop_api-blue")+
			"\nshop_api-blue holds release 1 again; traffic was not touched")
		m.wantRoutes("1:blue", "1:blue")
		m.must(m.up(file("4", "4")))
		m.wantRoutes("2:green", "2:green")
		if svc := m.Service("shop_web").Spec.Labels; svc[cluster.LabelPrevious] != "1" {
			m.t.Errorf("the release before is %s, want 1", svc[cluster.LabelPrevious])
		}
	})
}
