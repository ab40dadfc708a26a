package swarm

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// late is an engine on which a guard trips just before an order is given.
type late struct {
	engine.API
	m *memory
}

func (e late) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	if c := spec.TaskTemplate.ContainerSpec; strings.Contains(haproxy.OrderText(c.Env), "from web") {
		e.m.Trip("web")
	}
	return e.API.ServiceCreate(ctx, spec, o)
}

// An order that comes right after a guard has tripped tells nobody, whatever command gives it.
func TestOrderAfterATrip(t *testing.T) {
	file := func(v string) string { return options(version(v), "{guard: {}, canary: {}, promote: manual}") }
	for _, tc := range []struct {
		name, says string
		do         in
	}{
		{"canary", "the guard of web has taken the traffic back meanwhile", giving(50)},
		{"promote", "the guard of web has taken the traffic back meanwhile", promoting},
		{"rollback", "", func(ctx context.Context, m *memory) error { return m.operator().Rollback(ctx, plan.FlipOptions{}) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(file("1")))
				m.must(m.up(file("2")))
				m.must(giving(10)(m.t.Context(), m))
				m.wantRoutes("2:blue:10::0", "2:blue:10::0")
				m.wrap = func(e engine.API) engine.API { return late{e, m} }
				err := tc.do(m.t.Context(), m)
				if tc.says == "" {
					m.must(err)
				} else {
					m.wantError(err, new(*traffic.WentBackError), tc.says)
				}
				ends := ":blue:::tripped"
				if tc.name == "rollback" { // it leads where the guard has gone
					ends = ":blue"
				}
				m.wantRoute("", ends)
				m.must(promoting(m.t.Context(), m)) // it waits no more
				m.wantRoute("", ends)
			})
		})
	}
}

// A guard that trips when its proxy has just been told, and has not reported yet, is not overruled:
// the release is not given once more.
func TestTripWithinTheOrder(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(guarded("1")))
		m.AfterTelling = func() { m.Trip("web") }
		m.wantError(m.up(guarded("2")), new(*cluster.UnhealthyError), "service web (green) lost its traffic again")
		m.wantRoutes("3:blue:::tripped", "3:blue:::tripped")
	})
}

// twoGuarded is a file with two services that are watched for a while; one may be without a guard.
func twoGuarded(web, api, webGuard, apiGuard string) string {
	return fmt.Sprintf(`services:
  web: {image: 'shop/web:%s', expose: [8080], x-bluegreen: %s}
  api: {image: 'shop/api:%s', expose: [8080], x-bluegreen: %s}
`, web, webGuard, api, apiGuard)
}

// An up that waits for one guard waits for all that it needs the end of.
func TestBakesOfTwoServices(t *testing.T) {
	for _, bakes := range [][2]string{{"1m", "10m"}, {"10m", "1m"}} {
		t.Run(bakes[0], func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := func(v string) string {
					return twoGuarded(v, v, "{guard: {bake: "+bakes[0]+"}}", "{guard: {bake: "+bakes[1]+"}}")
				}
				m.must(m.up(file("1")))
				m.must(m.upWith(file("2"), plan.UpOptions{Detach: true}))
				began := time.Now()
				m.must(m.upWith(file("3"), plan.UpOptions{Detach: true}))
				if took := time.Since(began); took < 9*time.Minute || took > 12*time.Minute {
					t.Errorf("the next up took %s", took)
				}
				m.wantRoute("5:blue:::", "")
			})
		})
	}
}

// A pause during a bake changes nothing of it; a share of the old color ends it, and the up says
// so.
func TestWhatComesDuringABake(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(v string) string { return options(version(v), "{guard: {}, canary: {}, keep: cold}") }
		m.must(m.up(file("1")))
		ended := make(chan error, 1)
		go func() { ended <- m.up(file("2")) }()
		time.Sleep(time.Minute)
		m.must(m.operator().State(m.t.Context(), plan.Pause, held))
		time.Sleep(10 * time.Second)
		m.must(m.operator().State(m.t.Context(), plan.Resume, plan.FlipOptions{}))
		m.must(<-ended)
		m.wantTold("web guard: the proxies do not watch green any more")
		m.wantRoute("", ":green")
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")

		go func() { ended <- m.up(file("3")) }()
		time.Sleep(time.Minute)
		m.must(giving(10)(m.t.Context(), m))
		m.wantError(<-ended, new(*CutInError), "another command changed its route")
	})
}

// A promote that comes between the steps of an up lets it wait for the end of the bake, and hear of
// a trip.
func TestPromoteBeforeABake(t *testing.T) {
	file := func(v string) string {
		return options(version(v), "{guard: {bake: 2m}, canary: {steps: [10], every: 1h}}")
	}
	for _, trips := range []bool{false, true} {
		inMemory(t, func(m *memory) {
			m.must(m.up(file("1")))
			ended := make(chan error, 1)
			go func() { ended <- m.up(file("2")) }()
			time.Sleep(time.Minute)
			m.must(promoting(m.t.Context(), m))
			time.Sleep(30 * time.Second)
			m.wantRoute("4:green:::", "")
			if trips {
				m.Trip("web")
				m.wantError(<-ended, new(*cluster.UnhealthyError), "service web (green) lost its traffic again")
				return
			}
			m.must(<-ended)
			m.wantRoutes("6:green", "6:green")
		})
	}
}

// A guard that trips during a pause is noticed, and what the proxies said stays.
func TestTripDuringAPause(t *testing.T) {
	inMemory(t, func(m *memory) {
		ctx := m.t.Context()
		m.must(m.up(guarded("1")))
		m.must(m.upWith(guarded("2"), plan.UpOptions{Detach: true}))
		m.must(m.operator().State(ctx, plan.Pause, held))
		m.Trip("web")
		m.must(m.operator().State(ctx, plan.Resume, plan.FlipOptions{}))
		m.wantRoute("", ":blue:::tripped")
		m.wantError(m.operator().Wait(ctx, plan.FlipOptions{}), new(*cluster.UnhealthyError), "60 of 60 requests failed")
		m.must(m.operator().State(ctx, plan.Maintain, stopped))
		m.must(m.operator().State(ctx, plan.Live, plan.FlipOptions{}))
		m.must(m.operator().Rollback(ctx, plan.FlipOptions{}))
		m.wantRoute("", ":blue:::tripped")
	})
}

// An up that waits for more tasks of a release with a share does not end well when the guard takes
// the share away meanwhile: the proxies follow a later route than the one that it knows.
func TestTripWhileTasksStart(t *testing.T) {
	file := func(v, replicas string) string {
		return strings.Replace(options(version(v), "{guard: {}, canary: {}, promote: manual}"), "replicas: 3", "replicas: "+replicas, 1)
	}
	for _, tc := range []struct {
		name, replicas string
		change         func(m *memory)
	}{
		{"more in the file", "5", func(*memory) {}},
		{"fewer by hand", "3", func(m *memory) { m.byHand("shop_web-green", scale(1)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(file("1", "3")))
				m.must(m.up(file("2", "3")))
				m.must(giving(10)(m.t.Context(), m))
				tc.change(m)
				m.calm()
				m.SetApp("shop/web:2", swarmtest.App{Start: time.Minute, Stop: time.Second})
				m.forget()
				ended := make(chan error, 1)
				go func() { ended <- m.up(file("2", tc.replicas)) }()
				time.Sleep(30 * time.Second)
				m.Trip("web")
				m.wantError(<-ended, new(*cluster.UnhealthyError), "service web (green) lost its traffic again", "traffic of web is on blue again; green keeps release 2")
				m.wantNotTold("gets 10 % of the traffic")
				m.wantRoutes("3:blue:::tripped", "3:blue:::tripped")
				n := tc.replicas
				m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x "+n+" of "+n)
			})
		})
	}
}

// An up that waits for a guard does not bring a release back that failed meanwhile: that of another
// service, which the file still names.
func TestTripWhileAnotherWaits(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(web, api string) string { return twoGuarded(web, api, "{guard: {}}", "{guard: {}}") }
		m.must(m.up(file("1", "1")))
		m.must(m.upWith(file("2", "2"), plan.UpOptions{Detach: true}))
		ended := make(chan error, 1)
		go func() { ended <- m.upWith(file("3", "2"), plan.UpOptions{Detach: true}) }()
		time.Sleep(time.Minute)
		m.Trip("api")
		m.wantError(<-ended, new(*cluster.UnhealthyError), "service api (green) lost its traffic again")
		m.wantRoutes("3:blue:::tripped", "3:blue:::tripped")
		m.must(m.upWith(file("3", "2"), plan.UpOptions{Detach: true})) // who asks again gets it
		m.wantRoute("4:green:::", "")
	})
}

// A rollback of two services goes through for both, also when the guard of one was faster.
func TestRollbackAfterATripOfOne(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(v string) string { return twoGuarded(v, v, "{guard: {}}", "{}") }
		m.must(m.up(file("1")))
		m.must(m.upWith(file("2"), plan.UpOptions{Detach: true}))
		m.Trip("web")
		m.must(m.operator().Rollback(m.t.Context(), plan.FlipOptions{}))
		m.wantRoute("4:blue", "")
		if got := m.Routes("api"); got[0] != "3:blue" {
			t.Errorf("api: %v", got)
		}
	})
}

// An up --detach ends a guard whose time is over, and retires what it kept.
func TestDetachedBakeIsOver(t *testing.T) {
	inMemory(t, func(m *memory) {
		up := func(v string) { m.must(m.upWith(baked(v), plan.UpOptions{Detach: true})) }
		up("1")
		up("2")
		up("2")
		m.wantRoute("2:green:::", "")
		time.Sleep(time.Hour)
		up("2")
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")
	})
}

// An interruption right after a guard has tripped leaves no service of the order behind.
func TestTripAndInterruption(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.Apart = true
		file := func(v string) string { return twoGuarded(v, v, "{guard: {}}", "{guard: {}}") }
		m.must(m.up(file("1")))
		ctx, interrupt := context.WithCancel(m.t.Context())
		defer interrupt()
		told := false
		m.AfterTelling = func() {
			if !told {
				m.Trip("web")
				interrupt()
			}
			told = true
		}
		err := m.operator().Up(ctx, m.load(file("2")), plan.UpOptions{ResolveImage: plan.ResolveNever})
		m.wantError(err, new(*cluster.InterruptedError), "the guard of api, web has taken the traffic back")
		for _, service := range []string{"web", "api"} {
			for _, r := range m.Routes(service) {
				if !strings.HasSuffix(r, ":blue:::tripped") {
					t.Errorf("%s sends by %s", service, r)
				}
			}
		}
	})
}

// after is an engine on which another guard trips just before the proxies are asked once more.
type after struct {
	engine.API
	trip func()
}

func (e after) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	e.trip()
	return e.API.ServiceCreate(ctx, spec, o)
}

// A service that goes back by itself after the order has ended, and before the proxies are asked
// for what came of it, is told of as well, and keeps its new release as the other one does.
func TestTripsOneAfterTheOther(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.Apart = true
		file := func(v string) string { return twoGuarded(v, v, "{guard: {}}", "{guard: {}}") }
		m.must(m.up(file("1")))
		told := false
		m.AfterTelling = func() {
			if !told {
				m.Trip("web")
			}
			told = true
		}
		m.wrap = func(e engine.API) engine.API {
			return after{e, func() {
				if told {
					m.Trip("api")
				}
			}}
		}
		m.wantError(m.up(file("2")), new(*cluster.UnhealthyError), "service web (green) lost its traffic again", "service api (green) lost its traffic again",
			"traffic of web is on blue again; green keeps release 2", "traffic of api is on blue again; green keeps release 2")
	})
}

// A guard that is sooner than the last report takes the traffic of all services of the order back,
// and each is told: also if the proxies of the other one have not heard of it.
func TestTripOfTwoWithinTheOrder(t *testing.T) {
	for _, apart := range []bool{false, true} {
		t.Run(fmt.Sprint(apart), func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.Apart = apart
				file := func(v string) string { return twoGuarded(v, v, "{guard: {}}", "{guard: {}}") }
				m.must(m.up(file("1")))
				told := false
				m.AfterTelling = func() {
					if !told {
						m.Trip("web")
					}
					told = true
				}
				m.wantError(m.up(file("2")), new(*cluster.UnhealthyError), "service web (green) lost its traffic again",
					"service api (green) lost its traffic again, its guard took it back: "+map[bool]string{true: "with service web: "}[apart]+"60 of 60 requests failed",
					"traffic of web is on blue again; green keeps release 2", "traffic of api is on blue again; green keeps release 2")
				m.wantRoute("3:blue:::", "tripped")
				for _, r := range m.Routes("api") {
					if !strings.HasSuffix(r, ":blue:::tripped") {
						t.Errorf("api sends by %s", r)
					}
				}
				m.wantColors("shop/web:1 x 1 of 1", "shop/web:2 x 1 of 1")
			})
		})
	}
}
