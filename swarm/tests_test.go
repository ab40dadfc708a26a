package swarm

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// withTest is a file whose web must pass a job.
func withTest(web string) string {
	return `services:
  web:
    image: shop/web:` + web + `
    deploy: {replicas: 3}
    expose: [8080]
    x-bluegreen: {test: [smoke]}
  smoke:
    image: shop/smoke:1
    deploy: {mode: replicated-job}
`
}

// A release that fails its test gets no traffic, and the color holds again what it held before. A
// promote does not find it. The next up runs the test again.
func TestFailedTest(t *testing.T) {
	broken := swarmtest.App{Start: time.Second, Fails: true, Log: []string{"GET /cart: 500"}}
	const says = `failed its test smoke: a task failed, and its restart_policy allows no other
  shop_smoke.nX on nX: failed (exit code 3): task: non-zero exit (3)
    | GET /cart: 500
`
	inMemory(t, func(m *memory) {
		m.SetApp("shop/smoke:1", broken)
		m.wantText(m.up(withTest("1")), "service web (blue) "+says+"shop_web-blue was removed again; traffic was not touched")
		m.SetApp("shop/smoke:1", m.Default)
		m.must(m.up(withTest("1")))
		m.must(m.up(withTest("2")))
		m.wantRoutes("2:green", "2:green")
		m.wantTold("web test smoke: release 2 must pass it before it gets traffic", "web test smoke: completed")

		m.SetApp("shop/smoke:1", broken)
		for _, opts := range []plan.UpOptions{{}, {NoFlip: true}} {
			err := m.upWith(withTest("3"), opts)
			var unhealthy *cluster.UnhealthyError
			m.wantError(err, &unhealthy)
			m.wantText(err, "service web (blue) "+says+"shop_web-blue holds release 1 again; traffic was not touched")
			m.must(promoting(m.t.Context(), m))
			m.wantRoutes("2:green", "2:green")
			m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		}
		m.SetApp("shop/smoke:1", m.Default)
		m.must(m.upWith(withTest("3"), plan.UpOptions{NoFlip: true}))
		m.wantRoutes("2:green", "2:green")
		m.must(promoting(m.t.Context(), m))
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.operator().Down(m.t.Context(), DownOptions{}))
		if left := m.Objects(); len(left) > 0 {
			m.t.Errorf("left: %v", left)
		}
	})
}

// A job that is a test no more is a service like others: it runs when it changes, and with --prune
// it goes when it is not in the file.
func TestThatIsNoneAnyMore(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(withTest("1")))
		m.must(m.up(strings.Replace(withTest("2"), "{test: [smoke]}", "{}", 1)))
		m.wantRoutes("2:green", "2:green")
		if env := m.Service("shop_smoke").Spec.TaskTemplate.ContainerSpec.Env; len(env) > 0 {
			m.t.Errorf("the job still has %q", env)
		}
		file, _, _ := strings.Cut(strings.Replace(withTest("2"), "{test: [smoke]}", "{}", 1), "  smoke:")
		m.must(m.upWith(file, plan.UpOptions{Prune: true}))
		if svc := m.Service("shop_smoke"); svc != nil {
			m.t.Error("the job is still there")
		}
	})
}

// verified is a file whose web must pass a job once it has the traffic; api flips with it.
func verified(web, settings string) string {
	return `services:
  web:
    image: shop/web:` + web + `
    deploy: {replicas: 3}
    expose: [8080]
    x-bluegreen: {verify: [check]` + settings + `}
  api: {image: shop/api:` + web + `, expose: [8080], x-bluegreen: {}}
  check:
    image: shop/check:1
    deploy: {mode: replicated-job}
`
}

// A release that fails its verification loses the traffic that it has, with all services that were
// flipped with it, also where it got the traffic in steps, and where the old color is cold.
func TestFailedVerification(t *testing.T) {
	broken := swarmtest.App{Start: time.Second, Fails: true, Log: []string{"GET /cart: 500"}}
	for _, tc := range []struct{ name, settings, before, after string }{
		{"at once", "", "2:green", "4:green"},
		{"in steps", ", canary: {steps: [25], every: 10s}", "3:green", "6:green"},
		{"with a cold color", ", keep: cold", "2:green", "4:green"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := func(v string) string { return verified(v, tc.settings) }
				m.must(m.up(file("1")))
				m.must(m.up(file("2")))
				m.wantRoutes(tc.before, tc.before)
				m.wantTold("web test check: release 2 must pass it, or traffic goes back", "web test check: completed")
				m.SetApp("shop/check:1", broken)
				err := m.up(file("3"))
				m.wantError(err, new(*cluster.UnhealthyError), "service web (blue) had the traffic and failed its test check: a task failed", "| GET /cart: 500")
				m.wantRoutes(tc.after, tc.after)
				if api := m.Routes("api"); !strings.HasSuffix(api[0], ":green") {
					if tc.name != "in steps" {
						m.t.Errorf("api is at %v", api)
					}
				}
				m.SetApp("shop/check:1", m.Default)
				m.must(m.up(file("3")))
				if web := m.Routes("web"); !strings.HasSuffix(web[0], ":blue") {
					m.t.Errorf("in the end proxies send by %v", web)
				}
			})
		})
	}
}

// An up that is ended while a test runs leaves nothing behind that passes for tested: not on the
// first release, not on the next, and not where the test came into the file while a release waits.
func TestInterruptedTest(t *testing.T) {
	inMemory(t, func(m *memory) {
		slow := m.Default
		slow.Done = time.Hour
		interrupted := func(file string) {
			m.t.Helper()
			m.SetApp("shop/smoke:1", slow)
			ctx, interrupt := context.WithCancel(m.t.Context())
			ended := make(chan error, 1)
			go func() { ended <- upTo(file)(ctx, m) }()
			time.Sleep(time.Minute)
			interrupt()
			m.wantError(<-ended, new(*cluster.InterruptedError))
			m.SetApp("shop/smoke:1", swarmtest.App{Start: time.Second, Fails: true})
		}
		failed := "failed its test smoke"
		interrupted(withTest("1"))
		m.wantError(m.up(withTest("1")), new(*cluster.UnhealthyError), failed)
		if routes := m.Routes("web"); len(routes) > 0 {
			m.t.Errorf("there are proxies: %v", routes)
		}
		m.SetApp("shop/smoke:1", m.Default)
		m.must(m.up(withTest("1")))

		untested := strings.Replace(withTest("2"), "{test: [smoke]}", "{promote: manual}", 1)
		m.must(m.up(untested))
		m.SetApp("shop/smoke:1", swarmtest.App{Start: time.Second, Fails: true})
		m.wantError(m.up(strings.Replace(withTest("2"), "{test", "{promote: manual, test", 1)), new(*cluster.UnhealthyError), failed)
		m.wantRoutes("1:blue", "1:blue")
	})
}

// A verification that never ran, since another step failed or the command was ended, is made up for
// by the next up. One that fails while another step fails, too, takes the traffic back all the
// same.
func TestVerificationIsNotForgotten(t *testing.T) {
	broken := swarmtest.App{Start: time.Second, Fails: true}
	file := func(v string) string {
		return verified(v, "") + "  db: {image: 'shop/db:" + v + "'}\n  worker: {image: 'shop/worker:1', depends_on: {db: {condition: service_healthy}}}\n"
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		slow := m.Default
		slow.Done = time.Hour
		m.SetApp("shop/check:1", slow)
		ctx, interrupt := context.WithCancel(m.t.Context())
		ended := make(chan error, 1)
		go func() { ended <- upTo(file("2"))(ctx, m) }()
		time.Sleep(time.Minute)
		m.wantRoutes("2:green", "2:green")
		interrupt()
		m.wantError(<-ended, new(*cluster.InterruptedError))
		m.SetApp("shop/check:1", broken)
		m.wantError(m.up(file("2")), new(*cluster.UnhealthyError), "had the traffic and failed its test check")
		m.wantRoutes("3:blue", "3:blue")
		m.SetApp("shop/check:1", m.Default)
		m.must(m.up(file("2")))
		m.wantRoutes("4:green", "4:green")
		m.Calls()
		m.must(m.up(file("2")))
		m.wantTold("up: nothing to do: the swarm holds what the file says")
	})
}

// What a test waits for comes before it.
func TestDependencyOfATest(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp("shop/mock:1", swarmtest.App{Start: 2 * time.Minute})
		began := time.Now()
		m.must(m.up(withTest("1") + "    depends_on: {web: {condition: service_started}, mock: {condition: service_healthy}}\n  mock: {image: 'shop/mock:1'}\n"))
		if took := time.Since(began); took < 2*time.Minute {
			m.t.Errorf("the test did not wait for mock: all was done in %s", took)
		}
		m.wantTold("web test smoke: completed")
	})
}
