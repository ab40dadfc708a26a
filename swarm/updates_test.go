package swarm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// apiOf is a file with a plain service of three tasks, and what its update_config has.
func apiOf(v, config string) string {
	return fmt.Sprintf("services:\n  api:\n    image: shop/api:%s\n    deploy:\n      replicas: 3\n      restart_policy: {delay: 1s}\n      update_config: {%s}\n", v, config)
}

// imagesOf are the images of the tasks of a service that are to run, sorted.
func (m *memory) imagesOf(service string) []string {
	m.t.Helper()
	tasks, err := m.tasks(m.Service(service).ID)
	m.must(err)
	var out []string
	for _, t := range tasks {
		if cluster.Wanted(t) {
			out = append(out, string(t.Status.State)+" "+t.Spec.ContainerSpec.Image)
		}
	}
	slices.Sort(out)
	return out
}

func (m *memory) wantImages(service string, want ...string) {
	m.t.Helper()
	if have := m.imagesOf(service); !slices.Equal(have, want) {
		m.t.Errorf("tasks of %s: %q, want %q", service, have, want)
	}
}

// statusOf is the state of the last update of a service, none without one.
func (m *memory) statusOf(service string) string {
	m.t.Helper()
	if st := m.Service(service).UpdateStatus; st != nil {
		return string(st.State)
	}
	return "none"
}

// An update that Swarm pauses for a task that fails goes on once the tasks that it has made run:
// the wait writes it again, with the same spec.
func TestPausedUpdateGoesOn(t *testing.T) {
	for _, tc := range []struct{ name, config string }{
		{"by default", "monitor: 5s"},
		{"start first", "order: start-first, monitor: 5s"},
		{"in pairs", "parallelism: 2, monitor: 5s"},
		{"with pauses that go on when it is written", "delay: 20s, monitor: 5s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(apiOf("1", tc.config)))
				m.SetApp("shop/api:2", swarmtest.App{Start: time.Second, Stop: time.Second, Fails: true, Times: 1})
				m.must(m.up(apiOf("2", tc.config)))
				m.wantHeard("api tasks: Swarm paused the update, and it goes on now: update paused due to failure or early termination of task")
				m.wantImages("shop_api", "running shop/api:2", "running shop/api:2", "running shop/api:2")
				if force := m.Service("shop_api").Spec.TaskTemplate.ForceUpdate; force != 0 {
					m.t.Errorf("tasks were forced to be replaced: %d", force)
				}
				m.wantPlan(apiOf("2", tc.config), "nothing to do\n")
			})
		})
	}
}

// A version that fails takes the place of no more tasks than Swarm gave it, and the next up writes
// the update again.
func TestPausedUpdateOfWhatFails(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(apiOf("1", "monitor: 5s")))
		m.SetApp("shop/api:2", swarmtest.App{Start: time.Second, Stop: time.Second, Fails: true, Log: []string{"no database"}})
		var broken *cluster.UnhealthyError
		m.wantError(m.up(apiOf("2", "monitor: 5s")), &broken, "service api did not become healthy: 3 tasks of one slot failed", "exit code 3", "no database")
		if m.statusOf("shop_api") != string(api.UpdateStatePaused) {
			m.t.Errorf("the update is %s", m.statusOf("shop_api"))
		}
		if old := slices.DeleteFunc(m.imagesOf("shop_api"), func(i string) bool { return i != "running shop/api:1" }); len(old) != 2 {
			m.t.Errorf("%d of the 3 earlier tasks run, want 2", len(old))
		}
		m.SetApp("shop/api:2", m.Default) // what it lacked is there
		m.calm()
		m.wantPlanOf(apiOf("2", "monitor: 5s"), "update service shop_api: update paused due to failure or early termination of task")
		m.must(m.up(apiOf("2", "monitor: 5s")))
		m.wantImages("shop_api", "running shop/api:2", "running shop/api:2", "running shop/api:2")
		m.wantPlan(apiOf("2", "monitor: 5s"), "nothing to do\n")
	})
}

// wantHeard fails the test unless an event begins so.
func (m *memory) wantHeard(text string) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.ContainsFunc(m.events, func(e string) bool { return strings.HasPrefix(e, text) }) {
		m.t.Errorf("nobody was told\n%s\nbut:\n%s", text, strings.Join(m.events, "\n"))
	}
}

// wantPlanOf fails the test unless the first step of an up is this, the rest of the line left out.
func (m *memory) wantPlanOf(file, want string) {
	m.t.Helper()
	todo, err := m.operator().Plan(m.t.Context(), m.load(file), never)
	m.must(err)
	if !strings.HasPrefix(todo.String(), want) {
		m.t.Errorf("plan:\n%s\nwant:\n%s", todo, want)
	}
}

// An update whose tasks fail one after the other, each once: there is progress, so it goes on.
func TestEachTaskFailsOnce(t *testing.T) {
	six := func(v string) string {
		return strings.Replace(apiOf(v, "monitor: 5s"), "replicas: 3", "replicas: 6", 1)
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(six("1")))
		m.Before = func(call, object string) error {
			if call == "ServiceUpdate" && object == "shop_api" {
				m.SetApp("shop/api:2", swarmtest.App{Start: time.Second, Stop: time.Second, Fails: true, Times: 1})
			}
			return nil
		}
		m.must(m.up(six("2")))
		const runs = "running shop/api:2"
		m.wantImages("shop_api", runs, runs, runs, runs, runs, runs)
	})
}

// A write while a paused update still waits for its delay is taken for that update, and lost: it is
// written once more.
func TestPausedUpdateIsWrittenTooEarly(t *testing.T) {
	const config = "monitor: 5s, delay: 60s"
	inMemory(t, func(m *memory) {
		m.must(m.up(apiOf("1", config)))
		m.SetApp("shop/api:2", swarmtest.App{Start: time.Second, Stop: time.Second, Fails: true, Times: 1})
		ctx, cancel := context.WithTimeout(m.t.Context(), 3*time.Second)
		defer cancel()
		m.wantError(m.upIn(ctx, apiOf("2", config), never), new(*cluster.InterruptedError))
		m.wantPlanOf(apiOf("2", config), "update service shop_api: update paused")
		m.must(m.up(apiOf("2", config)))
		m.wantImages("shop_api", "running shop/api:2", "running shop/api:2", "running shop/api:2")
	})
}

// Swarm puts the earlier version back: the command says so, whatever runs.
func TestUpdateThatIsRolledBack(t *testing.T) {
	const config = "failure_action: rollback, monitor: 5s"
	inMemory(t, func(m *memory) {
		m.must(m.up(apiOf("1", config)))
		m.SetApp("shop/api:2", swarmtest.App{Start: time.Second, Stop: time.Second, Fails: true, Log: []string{"no database"}})
		var broken *cluster.UnhealthyError
		m.wantError(m.up(apiOf("2", config)), &broken, "service api did not become healthy: Swarm is rolling it back to its earlier version: "+
			"update rolled back due to failure or early termination of task", "Correct the service and run `docker bluegreen up` again",
			"exit code 3", "no database")
		m.calm()
		m.wantImages("shop_api", "running shop/api:1", "running shop/api:1", "running shop/api:1")
		m.wantPlan(apiOf("1", config), "nothing to do\n")
		m.SetApp("shop/api:2", m.Default)
		m.must(m.up(apiOf("2", config)))
		m.wantImages("shop_api", "running shop/api:2", "running shop/api:2", "running shop/api:2")
	})
}

// Tasks of the new version that fail late, within monitor: the update is awaited until its end.
func TestTaskThatFailsWhileItIsWatched(t *testing.T) {
	for _, tc := range []struct{ name, config, want string }{
		{"rolled back", "failure_action: rollback, monitor: 30s", "Swarm is rolling it back to its earlier version"},
		{"paused", "monitor: 30s", "3 tasks of one slot failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(apiOf("1", tc.config)))
				m.SetApp("shop/api:2", swarmtest.App{Start: time.Second, Stop: time.Second, Done: 20 * time.Second, Ends: true, Fails: true})
				var broken *cluster.UnhealthyError
				m.wantError(m.up(apiOf("2", tc.config)), &broken, "service api did not become healthy: "+tc.want)
			})
		})
	}
}

// A rollback by hand while an up waits.
func TestRolledBackByHandMeanwhile(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(apiOf("1", "monitor: 5s")))
		m.SetApp("shop/api:2", swarmtest.App{Start: time.Minute, Stop: time.Second})
		time.AfterFunc(30*time.Second, func() {
			svc := m.Service("shop_api")
			_, err := m.ServiceUpdate(m.t.Context(), svc.ID, svc.Version, svc.Spec, api.ServiceUpdateOptions{Rollback: "previous"})
			m.must(err)
		})
		var broken *cluster.UnhealthyError
		m.wantError(m.up(apiOf("2", "monitor: 5s")), &broken, "Swarm is rolling it back to its earlier version: manually requested rollback")
	})
}

// An up that was interrupted, or did not wait, has left an update that goes on: the next one waits
// for it.
func TestUpdateThatStillGoesOn(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(apiOf("1", "monitor: 5s, delay: 10s")))
		m.must(m.upWith(apiOf("2", "monitor: 5s, delay: 10s"), plan.UpOptions{Detach: true}))
		time.Sleep(5 * time.Second)
		m.wantPlan(apiOf("2", "monitor: 5s, delay: 10s"), "await shop_api\n")
		m.must(m.up(apiOf("2", "monitor: 5s, delay: 10s")))
		m.wantImages("shop_api", "running shop/api:2", "running shop/api:2", "running shop/api:2")
		if m.statusOf("shop_api") != string(api.UpdateStateCompleted) {
			m.t.Errorf("the update is %s", m.statusOf("shop_api"))
		}
	})
}

// Proxies whose update is paused, as when a node could not start one of them: it goes on.
func TestPausedUpdateOfProxies(t *testing.T) {
	other := strings.Replace(version("1"), "x-bluegreen: {}", "x-bluegreen: {proxy: {image: 'haproxy:other'}}", 1)
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.SetApp("haproxy:other", swarmtest.App{Start: time.Second, Stop: time.Second, Rejects: "unable to remount dir as readonly", Times: 1})
		m.must(m.up(other))
		m.wantHeard("web proxies: Swarm paused the update, and it goes on now: update paused due to failure or early termination of task")
		m.wantImages("shop_web", "running haproxy:other", "running haproxy:other")
		m.wantRoutes("1:blue", "1:blue")
		m.wantPlan(other, "nothing to do\n")
	})
}

// A command that was interrupted has left proxies half-way: the next one goes on.
func TestProxiesLeftHalfWay(t *testing.T) {
	other := strings.Replace(version("1"), "x-bluegreen: {}", "x-bluegreen: {proxy: {image: 'haproxy:other'}}", 1)
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.SetApp("haproxy:other", swarmtest.App{Start: time.Second, Stop: time.Second, Rejects: "unable to remount dir as readonly", Times: 1})
		ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Second)
		defer cancel()
		m.wantError(m.upIn(ctx, other, never), new(*cluster.InterruptedError))
		m.calm()
		old := "running " + bluegreen.DefaultProxyImage // with start-first both are kept beside the new one
		m.wantImages("shop_web", old, old, "running haproxy:other")
		m.wantPlanOf(other, "update proxies shop_web: update paused due to failure or early termination of task")
		m.must(m.up(other))
		m.wantImages("shop_web", "running haproxy:other", "running haproxy:other")
		m.wantPlan(other, "nothing to do\n")
	})
}
