package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// memory is a stack on a swarm in memory.
type memory struct {
	*swarmtest.Swarm
	t      *testing.T
	wrap   func(engine.API) engine.API // nil for none
	mu     sync.Mutex
	events []string
}

// inMemory runs a test in a bubble with a swarm of three nodes.
func inMemory(t *testing.T, test func(m *memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{Swarm: swarmtest.New(3), t: t}
		defer m.Close()
		test(m)
	})
}

func (m *memory) operator() *Operator {
	e := m.Engine()
	if m.wrap != nil {
		e = m.wrap(e)
	}
	return New(e, "shop", func(e cluster.Event) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.events = append(m.events, strings.TrimSpace(e.Service+" "+e.Step+": "+e.Text))
	})
}

func (m *memory) up(file string) error {
	m.t.Helper()
	return m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, file), plan.UpOptions{ResolveImage: plan.ResolveNever})
}

func (m *memory) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%v\n%s", err, strings.Join(m.events, "\n"))
	}
}

func (m *memory) wantRoutes(want ...string) {
	m.t.Helper()
	if got := m.Routes("web"); !slices.Equal(got, want) {
		m.t.Errorf("proxies send by %v, want %v\n%s", got, want, strings.Join(m.events, "\n"))
	}
}

func version(v string) string { return strings.Replace(plantest.Shop, "web:1", "web:"+v, 1) }

// color returns which image a color has, and how many tasks it is to have.
func (m *memory) color(c cluster.Color) string {
	m.t.Helper()
	svc := m.Service("shop_web-" + string(c))
	if svc == nil {
		return "none"
	}
	return fmt.Sprintf("%s x %d of %d", svc.Spec.TaskTemplate.ContainerSpec.Image, svc.ServiceStatus.RunningTasks, svc.ServiceStatus.DesiredTasks)
}

func (m *memory) wantColors(blue, green string) {
	m.t.Helper()
	time.Sleep(time.Minute) // a color that was scaled down is not waited for
	if b, g := m.color(cluster.Blue), m.color(cluster.Green); b != blue || g != green {
		m.t.Errorf("blue %s, green %s; want %s and %s", b, g, blue, green)
	}
}

// wantError fails the test unless err says all of these, and is of the type of target.
func (m *memory) wantError(err error, target any, says ...string) {
	m.t.Helper()
	if err == nil {
		m.t.Fatalf("no error\n%s", strings.Join(m.events, "\n"))
	}
	if target != nil && !errors.As(err, target) {
		m.t.Errorf("error %T: %v", err, err)
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			m.t.Errorf("the error does not say %q:\n%v", text, err)
		}
	}
}

// The main job.
func TestUpFlipRollbackDown(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.wantRoutes("1:blue", "1:blue")
		m.must(m.up(version("2")))
		m.wantRoutes("2:green", "2:green")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{}))
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue"}))
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
		m.wantRoutes("4:green", "4:green")
		m.must(m.up(version("3")))
		m.wantRoutes("5:blue", "5:blue")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
		m.Calls()
		m.must(m.up(version("3")))
		if calls := m.Calls(); len(calls) > 10 {
			m.t.Errorf("an up with nothing to do makes %d calls: %v", len(calls), calls)
		}
		m.must(m.operator().Down(m.t.Context(), DownOptions{}))
		if left := m.Objects(); len(left) > 0 {
			m.t.Errorf("left: %v", left)
		}
		m.wantError(m.operator().Flip(m.t.Context(), plan.FlipOptions{}), nil, "nothing is deployed")
	})
}

// A new version that starts in 5 s costs at most 100 calls, and five a second while it is waited
// for, also when many services are.
func TestCallsWhileWaiting(t *testing.T) {
	for _, services := range []int{1, 8} {
		t.Run(fmt.Sprint(services), func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.Apps[bluegreen.DefaultProxyImage] = m.Default
				m.Default.Start = 5 * time.Second
				file := func(v string) string {
					text := "services:\n"
					for i := range services {
						text += fmt.Sprintf("  web%d: {image: 'shop/web:%s', expose: [8080], deploy: {replicas: 2}, x-bluegreen: {}}\n", i, v)
					}
					return text
				}
				m.must(m.up(file("1")))
				m.Calls()
				began := time.Now()
				m.must(m.up(file("2")))
				calls, took := m.Calls(), time.Since(began)
				most := 20 + 28*services + int(5*took.Seconds())
				if services == 1 {
					most = min(most, 84)
				}
				if len(calls) > most {
					m.t.Errorf("%d calls in %s, want at most %d:\n%s", len(calls), took, most, strings.Join(calls, "\n"))
				}
			})
		})
	}
}

// A version that does not become healthy leaves traffic and the release before it as they are.
func TestBrokenVersion(t *testing.T) {
	for _, tc := range []struct {
		name string
		app  swarmtest.App
		says []string
	}{
		{"exits", swarmtest.App{Start: time.Second, Fails: true, Log: []string{"no database"}}, []string{"3 tasks of one slot failed", "no database", "exit code 3"}},
		{"never starts", swarmtest.App{Start: time.Hour}, []string{"no progress for 5m0s"}},
		{"refuses connections", swarmtest.App{Start: time.Second, Refuses: true}, []string{"not ready in every proxy"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.Apps["shop/web:3"] = tc.app
				var broken *cluster.UnhealthyError
				m.wantError(m.up(version("3")), &broken, "service web (blue)", "was removed again")
				if left := m.Objects(); slices.ContainsFunc(left, func(o string) bool { return strings.Contains(o, "web") || strings.Contains(o, "control") }) {
					m.t.Errorf("left: %v", left)
				}
				m.must(m.up(version("1")))
				m.must(m.up(version("2")))
				m.wantError(m.up(version("3")), &broken, append(tc.says, "service web (blue)", "holds release 1 again", "traffic was not touched")...)
				m.wantRoutes("2:green", "2:green")
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
				m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
				m.wantRoutes("3:blue", "3:blue")
			})
		})
	}
}

// With keep: cold the old color goes to no task, and comes back for a flip and a rollback.
func TestColdColor(t *testing.T) {
	inMemory(t, func(m *memory) {
		cold := func(v string) string {
			return strings.Replace(version(v), "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1)
		}
		m.must(m.up(cold("1")))
		m.must(m.up(cold("2")))
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 0 of 0")
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{}))
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")
		m.wantRoutes("4:green", "4:green")
	})
}

// A running service becomes blue-green in place, and a plain one again; what was ours is gone then.
func TestAdoptAndGiveBack(t *testing.T) {
	inMemory(t, func(m *memory) {
		plain := func(v string) string { return strings.Replace(version(v), "    x-bluegreen: {}\n", "", 1) }
		m.must(m.up(plain("1")))
		defer m.watchRouter()()
		id := m.Service("shop_web").ID
		m.must(m.up(version("1")))
		m.wantRoutes("1:blue", "1:blue")
		m.must(m.up(version("2")))
		m.wantRoutes("2:green", "2:green")
		var ask *plan.ConfirmationError
		m.wantError(m.up(plain("2")), &ask, "web")
		m.wantRoutes("2:green", "2:green")
		m.must(m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, plain("2")), plan.UpOptions{ResolveImage: plan.ResolveNever, Yes: true}))
		web := m.Service("shop_web")
		if web.ID != id || web.Spec.TaskTemplate.ContainerSpec.Image != "shop/web:2" || web.ServiceStatus.RunningTasks != 3 {
			m.t.Errorf("the service is %+v", web)
		}
		if label := web.Spec.Labels["traefik.docker.network"]; label != "" {
			m.t.Errorf("the service keeps the label of its proxies, %s", label)
		}
		for _, o := range m.Objects() {
			if strings.Contains(o, "bluegreen") || strings.Contains(o, "-blue") || strings.Contains(o, "-green") {
				m.t.Errorf("left: %s", o)
			}
		}
	})
}

// watchRouter fails the test if, until the returned function is called, a router could send to web
// on the control network.
func (m *memory) watchRouter() (stop func()) {
	end := m.WatchRouter("shop_web", "shop_default")
	return func() {
		if stray := end(); stray != "" {
			m.t.Error(stray)
		}
	}
}

// nodeOfProxy is the host name of a node with exactly one proxy.
func (m *memory) nodeOfProxy() string {
	m.t.Helper()
	tasks, err := m.TaskList(m.t.Context(), api.TaskListOptions{})
	if err != nil {
		m.t.Fatal(err)
	}
	on := map[string]int{}
	for _, task := range tasks {
		if task.ServiceID == m.Service("shop_web").ID && task.Status.State == api.TaskStateRunning {
			on[task.NodeID]++
		}
	}
	for id, n := range on {
		if n == 1 {
			return strings.Replace(id, "node", "n", 1)
		}
	}
	m.t.Fatalf("no node has one proxy: %v", on)
	return ""
}

// A proxy on a node that is down cannot confirm a move: the command says so and stops nothing. The
// same command finishes the move once the node is back, and does not move once more.
func TestNodeDown(t *testing.T) {
	type command = func(m *memory) error
	flip := func(m *memory) error { return m.operator().Flip(m.t.Context(), plan.FlipOptions{}) }
	rollback := func(m *memory) error { return m.operator().Rollback(m.t.Context(), plan.FlipOptions{}) }
	up := func(m *memory) error { return m.up(version("3")) }
	for _, tc := range []struct {
		name        string
		first, then command
		want        string
	}{
		{"flip, flip", flip, flip, "3:blue"},
		{"rollback, flip", rollback, flip, "3:blue"},
		{"flip, rollback", flip, rollback, "4:green"},
		{"rollback, rollback", rollback, rollback, "3:blue"},
		{"up, up", up, up, "3:blue"},
		{"up, rollback", up, rollback, "3:blue"}, // the up could not begin: its color had to be at rest in all proxies
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(version("1")))
				m.must(m.up(version("2")))
				node := m.nodeOfProxy()
				m.lose(node)
				var late *cluster.UnconfirmedError
				m.wantError(tc.first(m), &late, "web", node)
				for _, c := range cluster.Colors {
					if cluster.IsStopped(m.Service("shop_web-" + string(c)).Spec) {
						m.t.Errorf("%s was stopped, and a proxy may still send there", c)
					}
				}
				m.SetNode(node, api.NodeStateReady)
				m.must(tc.then(m))
				m.wantRoutes(tc.want, tc.want)
			})
		})
	}
}

// Two commands at once: the second waits for the first.
func TestTwoCommandsAtOnce(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		var both sync.WaitGroup
		for _, v := range []string{"2", "3"} {
			both.Go(func() {
				err := m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, version(v)), plan.UpOptions{ResolveImage: plan.ResolveNever, LockTimeout: time.Hour})
				if err != nil {
					m.t.Error(err)
				}
			})
		}
		both.Wait()
		routes := slices.Compact(m.Routes("web"))
		if len(routes) != 1 || !strings.HasPrefix(routes[0], "3:") {
			m.t.Errorf("proxies send by %v after three releases", routes)
		}
	})
}

// An interruption before the flip leaves traffic where it is; rollback returns the idle color to
// what it held, and the same command finishes.
func TestInterruptedUp(t *testing.T) {
	for _, then := range []string{"up", "rollback"} {
		t.Run(then, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(version("1")))
				m.must(m.up(version("2")))
				m.Apps["shop/web:3"] = swarmtest.App{Start: time.Minute, Stop: time.Second}
				ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
				defer cancel()
				err := m.operator().Up(ctx, plantest.LoadShop(m.t, version("3")), plan.UpOptions{ResolveImage: plan.ResolveNever})
				var interrupted *cluster.InterruptedError
				m.wantError(err, &interrupted, "traffic is where it was", "shop_web-blue is half-way to another release")
				m.wantRoutes("2:green", "2:green")
				if then == "up" {
					m.must(m.up(version("3")))
					m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
				} else {
					m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
					m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
				}
				m.wantRoutes("3:blue", "3:blue")
			})
		})
	}
}

// Jobs are waited for, services of the file come after what they depend on, and --prune removes
// what is not in the file.
func TestJobsAndPrune(t *testing.T) {
	inMemory(t, func(m *memory) {
		with := func(v string) string {
			return version(v) + "  migrate:\n    image: shop/migrate:" + v + "\n    deploy: {mode: replicated-job}\n"
		}
		depends := strings.Replace(with("1"), "    x-bluegreen: {}", "    x-bluegreen: {}\n    depends_on: {migrate: {condition: service_completed_successfully}}", 1)
		m.must(m.up(depends))
		m.Apps["shop/migrate:2"] = swarmtest.App{Start: time.Second, Fails: true, Log: []string{"no such table"}}
		var broken *cluster.UnhealthyError
		m.wantError(m.up(strings.NewReplacer("web:1", "web:2", "migrate:1", "migrate:2").Replace(depends)), &broken, "service migrate", "no such table")
		m.wantRoutes("1:blue", "1:blue")
		m.must(m.up(strings.NewReplacer("web:1", "web:3", "migrate:1", "migrate:3").Replace(depends)))
		m.wantRoutes("2:green", "2:green")
		only := "services: {db: {image: 'postgres:16'}}"
		m.must(m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, only), plan.UpOptions{ResolveImage: plan.ResolveNever, Prune: true}))
		for _, o := range m.Objects() {
			if strings.Contains(o, "web") || strings.Contains(o, "migrate") {
				m.t.Errorf("left: %s", o)
			}
		}
	})
}

// A command changes the swarm, and nothing of what it had seen: it works on a record of its own.
func TestASnapshotStaysAsItIs(t *testing.T) {
	plain := strings.Replace(version("1"), "    x-bluegreen: {}\n", "", 1)
	for _, tc := range []struct{ name, before, file string }{
		{"first", "", version("1")},
		{"new version", version("1"), version("2")},
		{"adoption", plain, version("2")},
		{"giving back", version("1"), plain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				if tc.before != "" {
					m.must(m.up(tc.before))
				}
				o, opts := m.operator(), plan.UpOptions{ResolveImage: plan.ResolveNever}
				seen, err := o.ex.Observe(m.t.Context())
				m.must(err)
				before := cluster.MustJSON(seen)
				todo, err := o.plan(m.t.Context(), seen, plantest.LoadShop(m.t, tc.file), newLookup(opts), opts)
				m.must(err)
				m.must(o.ex.Execute(m.t.Context(), seen, todo))
				if after := cluster.MustJSON(seen); string(after) != string(before) {
					m.t.Errorf("it was %s\nand is %s", before, after)
				}
			})
		})
	}
}
