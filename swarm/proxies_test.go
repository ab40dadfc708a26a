package swarm

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// afterTold does something once an event was told.
func (m *memory) afterTold(text string, do func()) {
	go func() {
		for end := time.Now().Add(time.Minute); time.Now().Before(end); {
			m.mu.Lock()
			told := strings.Contains(strings.Join(m.events, "\n"), text)
			m.mu.Unlock()
			if told {
				do()
				return
			}
			time.Sleep(time.Millisecond)
		}
	}()
}

// Proxies on each node are replaced one after the other: one that fails after the first has not
// ends the wait too.
func TestLaterProxyFails(t *testing.T) {
	for _, tc := range []struct {
		name string
		app  swarmtest.App
		want string
	}{
		{"exits", exits, "service web did not become healthy: 3 tasks of one slot failed" + strings.ReplaceAll(threeFailed("shop_web"), ".X on", ".nX on") +
			"\nshop_web has its earlier settings again; traffic was not touched"},
		{"never starts", swarmtest.App{Start: 24 * time.Hour}, "service web did not become healthy: no progress for 5m0s: 2 of 3 tasks are ready\n" +
			"  shop_web.nX on nX: preparing\nshop_web has its earlier settings again; traffic was not touched"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := hostPorts(version("1"))
				m.must(m.up(file))
				m.forget()
				m.afterTold("web proxies: 1 of 2 tasks ready", func() { m.SetApp("haproxy:3.0", tc.app) })
				m.wantText(m.up(options(file, "{proxy: {image: 'haproxy:3.0'}}")), tc.want)
				m.wantServices(map[string]string{"shop_web": bluegreen.DefaultProxyImage + " |||", "shop_web-blue": "shop/web:1 |||", "shop_db": postgres})
				m.wantRoutes("1:blue", "1:blue", "1:blue")
			})
		})
	}
}

// What changes of a service only the proxies have is changed in place; only what is in the task
// restarts them, and no color is touched.
func TestOnlyTheProxiesChange(t *testing.T) {
	for _, tc := range []struct {
		name     string
		file     string
		told     string
		restarts bool
	}{
		{"a label", strings.Replace(version("2"), "traefik.enable:", "tier: front, traefik.enable:", 1), "labels changed", false},
		{"a published port", strings.Replace(version("2"), `"80:8080"`, `"81:8080"`, 1), "ports changed; they are replaced one after the other", true},
		{"the image", options(version("2"), "{proxy: {image: 'haproxy:3.0'}}"), "image, labels changed; they are replaced one after the other", true},
		{"drain", options(version("2"), "{drain: 1m}"), "configs, container, labels changed; they are replaced one after the other", true},
		{"keep", options(version("2"), "{keep: cold}"), "labels changed", false},
		{"their number", options(version("2"), "{proxy: {deploy: {replicas: 4}}}"), "replicas, labels changed", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				before, err := m.tasks(m.Service("shop_web").ID)
				m.must(err)
				m.must(m.up(tc.file))
				m.wantTold("web proxies: changed: " + tc.told)
				after, err := m.tasks(m.Service("shop_web").ID)
				m.must(err)
				running := map[string]bool{}
				for _, task := range cluster.RunningTasks(after) {
					running[task.ID] = true
				}
				for _, task := range before {
					if running[task.ID] == tc.restarts {
						m.t.Errorf("proxy %s runs on: %v", task.ID, running[task.ID])
					}
				}
				m.calm()
				for _, route := range m.Routes("web") {
					if route != "2:green" {
						m.t.Errorf("a proxy sends by %s, want 2:green", route)
					}
				}
				if green := m.color(cluster.Green); green != "shop/web:2 x 3 of 3" {
					m.t.Errorf("green is %s", green)
				}
			})
		})
	}
}

// Another number of proxies by hand stays as it is.
func TestProxiesScaledByHand(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.byHand("shop_web", scale(5))
		m.calm()
		m.must(m.up(version("3")))
		m.wantRoutes("3:blue", "3:blue", "3:blue", "3:blue", "3:blue")
		m.byHand("shop_web", scale(1))
		m.calm()
		m.must(m.flip())
		m.wantRoutes("4:green")
	})
}

// Proxies that come while a flip goes on take part in it.
func TestProxiesScaledDuringAFlip(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		once := false
		m.After = func(call, object string) error {
			if call == "ServiceCreate" && strings.Contains(object, "_order-") && !once {
				once = true
				m.byHand("shop_web", scale(4))
			}
			return nil
		}
		m.must(m.flip())
		m.After = nil
		m.calm()
		m.wantRoutes("3:blue", "3:blue", "3:blue", "3:blue")
	})
}
