package swarm

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// guarded is the file whose releases are watched for five minutes.
func guarded(v string) string { return options(version(v), "{guard: {}}") }

// wantRoute fails the test unless all proxies have one route, which looks like this.
func (m *memory) wantRoute(begins, ends string) {
	m.t.Helper()
	for _, r := range m.Routes("web") {
		if !strings.HasPrefix(r, begins) || !strings.HasSuffix(r, ends) || r != m.Routes("web")[0] {
			m.t.Errorf("proxies send by %v, want %s…%s\n%s", m.Routes("web"), begins, ends, strings.Join(m.events, "\n"))
			return
		}
	}
}

// label is a label of the proxy service.
func (m *memory) label(name string) string { return m.Service("shop_web").Spec.Labels[name] }

// A release that does as it should is watched for its time, and then nobody can go back any more;
// with keep: cold its former color goes then, and not before.
func TestGuard(t *testing.T) {
	file := func(v string) string { return options(version(v), "{guard: {bake: 3m, errors: 1%}, keep: cold}") }
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		m.wantRoutes("1:blue", "1:blue")
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- m.up(file("2")) }()
		time.Sleep(2 * time.Minute)
		m.wantRoute("2:green:::", "")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(<-ended)
		if took := time.Since(began); took < 3*time.Minute || took > 4*time.Minute {
			m.t.Errorf("the up took %s", took)
		}
		m.wantTold("web up: release 2 has the traffic on green: for 3m0s the proxies take it back if more than 1 % of the requests fail")
		m.wantTold("web guard: blue 100 requests, 1.0 % failed, 20 ms; green 100 requests, 2.0 % failed, 30 ms; 1m30s left")
		m.wantTold("web guard: the proxies do not watch green any more")
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{})) // nobody watches the way back
		m.wantRoutes("5:blue", "5:blue")
	})
}

// A guard that trips ends the up that waits, with the reason, within seconds. Whatever comes then
// does not bring the bad release back, unless somebody says so.
func TestGuardTrips(t *testing.T) {
	for _, tc := range []struct {
		name   string
		then   in
		routes string
	}{
		{"rollback", func(ctx context.Context, m *memory) error { return m.operator().Rollback(ctx, plan.FlipOptions{}) }, "3:blue:::tripped"},
		{"promote", promoting, "3:blue:::tripped"},
		{"the active release once more", upTo(guarded("1")), "3:blue:::tripped"},
		{"a flip", func(ctx context.Context, m *memory) error {
			return m.operator().Flip(ctx, plan.FlipOptions{To: "green"})
		}, "4:green:::"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(guarded("1")))
				ended := make(chan error, 1)
				go func() { ended <- m.up(guarded("2")) }()
				time.Sleep(time.Minute)
				if !m.Trip("web") {
					t.Fatal("no guard watches")
				}
				began := time.Now()
				err := <-ended
				m.wantError(err, new(*cluster.UnhealthyError), "service web (green) lost its traffic again, its guard took it back: 60 of 60 requests failed within 1 s, more than 5 %\n"+
					"traffic of web is on blue again; green keeps release 2: see `docker service logs shop_web-green`")
				if took := time.Since(began); took > 10*time.Second || cluster.ExitCode(err) != cluster.ExitUnhealthy {
					t.Errorf("the up ended after %s with %d", took, cluster.ExitCode(err))
				}
				m.wantRoutes("3:blue:::tripped", "3:blue:::tripped")
				if why := m.label(cluster.LabelTripped); !strings.HasPrefix(why, "60 of 60") {
					t.Errorf("written down is %q", why)
				}
				m.must(tc.then(m.t.Context(), m))
				m.wantRoute(tc.routes, "")
				if tripped := m.label(cluster.LabelTripped); (tripped == "") != (tc.name == "a flip") {
					t.Errorf("written down is %q", tripped)
				}
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
			})
		})
	}
}

// A guard needs no command: whatever comes after it finds out. None takes the bad release for the
// active one.
func TestGuardTripsAlone(t *testing.T) {
	for _, tc := range []struct {
		name   string
		then   in
		says   string
		routes string
	}{
		{"wait", func(ctx context.Context, m *memory) error { return m.operator().Wait(ctx, plan.FlipOptions{}) }, "lost its traffic again", "3:blue:::tripped"},
		{"rollback", func(ctx context.Context, m *memory) error { return m.operator().Rollback(ctx, plan.FlipOptions{}) }, "", "4:blue"},
		{"promote", promoting, "", "3:blue:::tripped"},
		{"another release", upWith(guarded("3"), plan.UpOptions{Detach: true}), "", "4:green:::"},
		{"another release, no bake", upWith(guarded("3"), plan.UpOptions{Detach: true, SkipBake: true}), "", "4:green:::"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(guarded("1")))
				m.must(m.upWith(guarded("2"), plan.UpOptions{Detach: true}))
				m.wantRoute("2:green:::", "")
				time.Sleep(time.Minute)
				m.Trip("web")
				time.Sleep(24 * time.Hour)
				err := tc.then(m.t.Context(), m)
				if tc.says == "" {
					m.must(err)
				} else {
					m.wantError(err, new(*cluster.UnhealthyError), tc.says)
				}
				m.wantRoute(tc.routes, "")
			})
		})
	}
}

// A new release waits until the former one is not watched any more, since it takes the way back; or
// it ends that.
func TestReleaseDuringABake(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		m.must(m.upWith(guarded("2"), plan.UpOptions{Detach: true}))
		began := time.Now()
		m.must(m.upWith(guarded("3"), plan.UpOptions{Detach: true}))
		if took := time.Since(began); took < 4*time.Minute || took > 6*time.Minute {
			t.Errorf("the next up took %s", took)
		}
		if told := strings.Join(m.events, "\n"); !strings.Contains(told, "web up: the proxies still watch release 2: the next one begins in 4m5") {
			m.t.Errorf("nobody was told of the wait:\n%s", told)
		}
		m.wantRoute("5:blue:::", "") // 4: nobody watches
		began = time.Now()
		m.must(m.upWith(guarded("4"), plan.UpOptions{Detach: true, SkipBake: true}))
		if took := time.Since(began); took > time.Minute {
			t.Errorf("an up that does not wait took %s", took)
		}
		m.wantRoute("8:green:::", "")
		// Back to the release before, by its file: that needs nobody's leave.
		began = time.Now()
		m.must(m.upWith(guarded("3"), plan.UpOptions{Detach: true}))
		m.wantRoutes("10:blue", "10:blue")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the way back took %s", took)
		}
	})
}

// What comes during a bake: it is at once, and the up that waits ends and says so.
func TestBakeIsCutIn(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		ended := make(chan error, 1)
		go func() { ended <- m.up(guarded("2")) }()
		time.Sleep(time.Minute)
		began := time.Now()
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the rollback took %s", took)
		}
		m.wantError(<-ended, new(*CutInError), "another command changed its route from 2:green:::")
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("the up went on for %s", took)
		}
		m.wantRoutes("4:blue", "4:blue")
	})
}

// The same up, and wait, go on where an up was ended, and count from when the release got traffic.
func TestBakeGoesOn(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		ctx, interrupt := context.WithCancel(m.t.Context())
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- upTo(guarded("2"))(ctx, m) }()
		time.Sleep(2 * time.Minute)
		interrupt()
		m.wantText(<-ended, "interrupted: release 2 of web has the traffic, and its proxies watch it; run `docker bluegreen wait` to wait for the end of that, or `rollback` to go back")
		var both sync.WaitGroup
		for _, do := range []in{upWith(guarded("2"), plan.UpOptions{LockTimeout: time.Minute}), func(ctx context.Context, m *memory) error {
			return m.operator().Wait(ctx, plan.FlipOptions{LockTimeout: time.Minute})
		}} {
			both.Go(func() {
				err := do(m.t.Context(), m) // who comes second sees that another command ended the guard
				if err != nil && !strings.Contains(err.Error(), "another command") {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if took := time.Since(began); took < 5*time.Minute || took > 6*time.Minute {
			t.Errorf("it was watched for %s", took)
		}
		m.wantRoutes("4:green", "4:green")
		m.must(m.operator().Wait(m.t.Context(), plan.FlipOptions{}))
		m.wantTold("wait: no release is watched")
	})
}

// A share is watched as long as it lasts, and so is each step. A guard that trips takes it away,
// and the release waits no more.
func TestGuardOfShares(t *testing.T) {
	file := func(v string) string {
		return options(version(v), "{guard: {bake: 2m}, canary: {steps: [10, 50], every: 1m}}")
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		m.wantRoutes("8:green", "8:green") // 2: 10 %, 4: 50 %, 6: all, 8: nobody watches
		ended := make(chan error, 1)
		go func() { ended <- m.up(file("3")) }()
		time.Sleep(90 * time.Second)
		m.wantRoutes("11:green:50::0", "11:green:50::0")
		m.Trip("web")
		m.wantError(<-ended, new(*cluster.UnhealthyError), "service web (blue) lost its traffic again", "traffic of web is on green again; blue keeps release 3")
		m.wantRoutes("12:green:::tripped", "12:green:::tripped")
		m.must(promoting(m.t.Context(), m))
		m.wantRoutes("12:green:::tripped", "12:green:::tripped")
	})
}

// Services that got their traffic in one order go back together, and the up names both.
func TestGuardsOfTwoServices(t *testing.T) {
	file := func(v string) string {
		return `services:
  web: {image: 'shop/web:` + v + `', expose: [8080], x-bluegreen: {guard: {}}}
  api: {image: 'shop/api:` + v + `', expose: [8080], x-bluegreen: {guard: {}}}
`
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		ended := make(chan error, 1)
		go func() { ended <- m.up(file("2")) }()
		time.Sleep(time.Minute)
		m.Trip("api")
		m.wantError(<-ended, new(*cluster.UnhealthyError), "service web (green) lost its traffic again", "service api (green) lost its traffic again")
		m.wantRoutes("3:blue:::tripped", "3:blue:::tripped")
	})
}

// While the proxies may go back to a color, nothing stops it: not even a guard that the file has no
// more, or a command that does not know of it.
func TestTheWayBackIsKept(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		m.must(m.upWith(guarded("2"), plan.UpOptions{Detach: true}))
		o := m.operator()
		s, err := o.ex.Observe(m.t.Context())
		m.must(err)
		b := s.BlueGreen["web"]
		todo := plan.Plan{Command: plan.Up, Stack: "shop", Steps: []plan.Step{{Do: plan.StopColor, Name: "shop_web-blue", Service: "web", Color: cluster.Blue, Settings: settingsOf(t, b), Phase: plan.Deploy}}}
		m.wantError(o.ex.Execute(m.t.Context(), s, todo), nil, "its proxies may still take the traffic back to blue: wait for the guard with `docker bluegreen wait web`")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.up(version("2"))) // without a guard in the file
		m.wantRoutes("4:green", "4:green")
	})
}

// blind is an engine on which no control job can watch.
type blind struct{ engine.API }

func (e blind) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	if c := spec.TaskTemplate.ContainerSpec; strings.Contains(haproxy.OrderText(c.Env), "watch ") {
		return api.ServiceCreateResponse{}, errors.New("no room for it")
	}
	return e.API.ServiceCreate(ctx, spec, o)
}

// Where no control job can show the figures, the up says so once. The guard works all the same, and
// the up finds that in the end.
func TestGuardWithoutFigures(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		m.wrap = func(e engine.API) engine.API { return blind{e} }
		ended := make(chan error, 1)
		go func() { ended <- m.up(guarded("2")) }()
		time.Sleep(time.Minute)
		m.Trip("web")
		m.wantError(<-ended, new(*cluster.UnhealthyError), "lost its traffic again")
		m.wantTold("guard: the figures of the proxies are missing, and they watch all the same: create control job: no room for it")
		if n := strings.Count(strings.Join(m.events, "\n"), "figures of the proxies are missing"); n != 1 {
			m.t.Errorf("that was said %d times", n)
		}
	})
}

func settingsOf(t *testing.T, b *cluster.BlueGreen) *bluegreen.Settings {
	t.Helper()
	s, err := b.Settings()
	if err != nil {
		t.Fatal(err)
	}
	return &s
}
