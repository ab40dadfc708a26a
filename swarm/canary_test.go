package swarm

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// weighed is a version whose release waits, and whose idle color can get a share.
func weighed(v string) string { return options(version(v), "{promote: manual, canary: {}}") }

// giving is a canary of this share.
func giving(share int) in {
	return func(ctx context.Context, m *memory) error {
		return m.operator().Canary(ctx, plan.FlipOptions{Share: share, LockTimeout: time.Hour})
	}
}

// A release that waits gets shares of the traffic, then all of it or none. While it has a share,
// no command stops its color: an up of another release takes the share back first.
func TestCanary(t *testing.T) {
	inMemory(t, func(m *memory) {
		give := func(share int) { m.t.Helper(); m.must(giving(share)(m.t.Context(), m)) }
		promote := func() { m.t.Helper(); m.must(promoting(m.t.Context(), m)) }
		m.must(m.up(weighed("1")))
		m.must(m.up(weighed("2")))
		m.wantTold("web up: release 2 waits on green: run `docker bluegreen canary 10 web` to give it 10 % of the traffic, or `promote web` to make it active")
		give(10)
		m.wantRoutes("2:blue:10", "2:blue:10")
		m.wantTold("web share: green gets 10 % of the traffic: every proxy confirmed")
		give(50)
		give(50)
		m.wantRoutes("3:blue:50", "3:blue:50")
		m.wantTold("web share: green gets no other share of the traffic than before")
		m.must(m.up(weighed("2")))
		m.wantRoutes("3:blue:50", "3:blue:50")
		m.wantTold("web up: release 2 on green gets 50 % of the traffic: run `docker bluegreen canary PERCENT web` to change that, `promote web` to make it active, or `rollback web`")
		st, err := m.operator().Status(m.t.Context(), true)
		if m.must(err); st.Services[1].Route.Share != 50 || st.Services[1].Proxies[0].Share != 50 || len(st.Drift) > 0 {
			m.t.Errorf("status: %+v, drift %v", st.Services[1], st.Drift)
		}
		promote()
		promote()
		m.wantRoutes("4:green", "4:green")

		m.must(m.up(weighed("3")))
		give(25)
		m.must(m.rollback())
		m.wantRoutes("6:green", "6:green")
		promote() // it was rolled back, and waits no more
		m.wantRoutes("6:green", "6:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")

		give(25)
		m.must(m.up(weighed("4"))) // another release
		m.wantRoutes("8:green", "8:green")
		m.wantColors("shop/web:4 x 3 of 3", "shop/web:2 x 3 of 3")
		give(25)
		m.must(m.up(weighed("2"))) // the file says again what is active
		m.wantRoutes("10:green", "10:green")
		give(25)
		m.must(flipTo("green")(m.t.Context(), m)) // all to the active color
		m.wantRoutes("12:green", "12:green")
		give(25)
		promote() // the newest is the other one
		m.wantRoutes("14:blue", "14:blue")
		give(25)
		promote()
		m.wantRoutes("16:blue", "16:blue")
		give(25)
		m.must(m.flip())
		m.wantRoutes("18:green", "18:green")
		m.must(m.flip())
		give(25)
		m.must(m.up(strings.Replace(weighed("4"), ", canary: {}", "", 1))) // the proxies could not give a share any more
		m.wantRoutes("21:blue", "21:blue")
	})
}

// What a canary refuses, and why.
func TestCanaryRefuses(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		m.wantText(giving(10)(m.t.Context(), m), "no service of stack shop can give a share of its traffic: write x-bluegreen: {canary: {}} in the file, and run `docker bluegreen up`")
		named := m.operator().Canary(m.t.Context(), plan.FlipOptions{Share: 10, Services: []string{"web"}})
		m.wantText(named, "service web: its proxies can give no share of the traffic: write x-bluegreen: {canary: {}} in the file, and run `docker bluegreen up`")
		m.must(m.up(weighed("1")))
		m.wantText(giving(10)(m.t.Context(), m), "service web has no green yet: run `docker bluegreen up` with a new release")
		m.must(giving(0)(m.t.Context(), m))
		m.wantRoutes("1:blue", "1:blue")
	})
}

// A cold color is started before it gets a share.
func TestCanaryOfAColdColor(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(v string) string { return options(version(v), "{keep: cold, canary: {}}") }
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")
		m.must(giving(25)(m.t.Context(), m))
		m.wantRoutes("3:green:25", "3:green:25")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.up(file("2")))
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:1 x 0 of 0", "shop/web:2 x 3 of 3")
	})
}

// stepped is a version that an up brings to all traffic in steps.
func stepped(v string) string {
	return options(version(v), "{canary: {steps: [10, 50], every: 1m}}")
}

// An up with steps gives a release its shares one after the other, each for as long as the file
// says, and then all of the traffic. It holds no lock while it waits.
func TestSteps(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(stepped("1")))
		began := time.Now()
		ended := make(chan error, 1)
		go func() { ended <- m.up(stepped("2")) }()
		for _, at := range []struct {
			after  time.Duration
			routes string
		}{{30 * time.Second, "2:blue:10"}, {80 * time.Second, "3:blue:50"}, {140 * time.Second, "4:green"}} {
			time.Sleep(time.Until(began.Add(at.after)))
			m.wantRoutes(at.routes, at.routes)
			if slices.Contains(m.Objects(), lockName) {
				m.t.Errorf("after %s the stack is locked", at.after)
			}
		}
		m.must(<-ended)
		m.wantTold("web up: release 2 is ready on green: it gets 10 %, then 50 %, then 100 %, each share for 1m0s",
			"web share: 10 % for 1m0s, then 50 %", "web share: 50 % for 1m0s, then all", "web flip: green is active: every proxy confirmed")
		m.Calls()
		m.must(m.up(stepped("2")))
		m.wantRoutes("4:green", "4:green")
	})
}

// Another command comes in between at once, and the up ends and says so. The same up goes on from
// the share that the release has.
func TestStepsAreCutIn(t *testing.T) {
	for _, tc := range []struct {
		name   string
		do     in
		routes string
		want   string
	}{
		{"rollback", rollingBack, "3:blue", "service web: another command changed its route from 2:blue:10 to 3:blue: the steps of release 2 end here: " +
			"see `docker bluegreen status`, and run `docker bluegreen up` again to go on"},
		{"promote", promoting, "3:green", ""},
		{"canary", giving(70), "3:blue:70", "service web: another command changed its route from 2:blue:10 to 3:blue:70: the steps of release 2 end here: " +
			"see `docker bluegreen status`, and run `docker bluegreen up` again to go on"},
		{"up of the active release", upTo(stepped("1")), "3:blue", "service web: another command changed its route from 2:blue:10 to 3:blue: the steps of release 2 end here: " +
			"see `docker bluegreen status`, and run `docker bluegreen up` again to go on"},
		{"down", goingDown, "", "service web: another command removed its proxies: the steps of release 2 end here: " +
			"see `docker bluegreen status`, and run `docker bluegreen up` again to go on"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(stepped("1")))
				ended := make(chan error, 1)
				go func() { ended <- upTo(stepped("2"))(m.t.Context(), m) }()
				time.Sleep(30 * time.Second)
				m.wantRoutes("2:blue:10", "2:blue:10")
				m.must(tc.do(m.t.Context(), m))
				began := time.Now()
				m.wantText(<-ended, tc.want)
				if tc.routes == "" {
					return
				}
				if took := time.Since(began); took > 2*time.Second {
					m.t.Errorf("the up went on for %s", took)
				}
				m.wantRoutes(tc.routes, tc.routes)
				m.must(m.up(stepped("2")))
				if routes := m.Routes("web"); !strings.HasSuffix(routes[0], ":green") {
					m.t.Errorf("in the end proxies send by %v", routes)
				}
			})
		})
	}
}

// A release that is not ready for its next step loses its share.
func TestStepOfAReleaseThatFails(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(stepped("1")))
		ended := make(chan error, 1)
		go func() { ended <- m.up(stepped("2")) }()
		time.Sleep(30 * time.Second)
		m.SetApp("shop/web:2", swarmtest.App{Start: time.Second, Fails: true})
		m.must(m.KillTask("shop_web-green", 0))
		m.wantError(<-ended, new(*cluster.UnhealthyError), "no release of this up has a share of the traffic any more")
		m.wantRoutes("3:blue", "3:blue")
		m.must(promoting(m.t.Context(), m))
		m.wantRoutes("3:blue", "3:blue")
	})
}

// Ctrl-C between two steps leaves the share as it is, and says how to go on; the same up goes on.
func TestStepsAreInterrupted(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(stepped("1")))
		ctx, interrupt := context.WithCancel(m.t.Context())
		ended := make(chan error, 1)
		go func() { ended <- upTo(stepped("2"))(ctx, m) }()
		time.Sleep(30 * time.Second)
		interrupt()
		m.wantText(<-ended, "interrupted: release 2 of web has 10 % of the traffic; run `docker bluegreen up` again to go on, `promote` to give it all, or `rollback` to take it back")
		m.wantRoutes("2:blue:10", "2:blue:10")
		m.must(m.up(stepped("2")))
		m.wantTold("web up: release 2 on green goes on from 10 % of the traffic: it gets 50 %, then 100 %, each share for 1m0s")
		m.wantRoutes("4:green", "4:green")
	})
}

// With a time in promote, an up that is not ended sends all traffic to the release then, unless
// somebody promotes it sooner. One that is run again counts on from when the release was ready.
func TestPromoteAfterATime(t *testing.T) {
	file := func(v string) string { return options(version(v), "{promote: 10m}") }
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		ctx, interrupt := context.WithCancel(m.t.Context())
		ended := make(chan error, 1)
		began := time.Now()
		go func() { ended <- upTo(file("2"))(ctx, m) }()
		time.Sleep(3 * time.Minute)
		m.wantRoutes("1:blue", "1:blue")
		interrupt()
		m.wantText(<-ended, "interrupted: release 2 of web has 0 % of the traffic; run `docker bluegreen up` again to go on, `promote` to give it all, or `rollback` to take it back")
		time.Sleep(2 * time.Minute)
		m.must(m.up(file("2")))
		m.wantTold("web up: release 2 is ready on green: it gets all traffic after 10m0s, or sooner by `docker bluegreen promote web`")
		m.wantRoutes("2:green", "2:green")
		if took := time.Since(began); took < 9*time.Minute || took > 11*time.Minute {
			m.t.Errorf("the release got the traffic after %s", took)
		}

		go func() { ended <- upTo(file("3"))(m.t.Context(), m) }()
		time.Sleep(time.Minute)
		m.must(promoting(m.t.Context(), m))
		began = time.Now()
		m.must(<-ended)
		if took := time.Since(began); took > 2*time.Second {
			m.t.Errorf("the up went on for %s after the promote", took)
		}
		m.wantRoutes("3:blue", "3:blue")
	})
}

// A release that is withdrawn, or another one in its place, ends the wait for all traffic; what was
// ready before --no-flip has its time anew.
func TestPromoteAfterATimeIsCutIn(t *testing.T) {
	file := func(v string) string { return options(version(v), "{promote: 10m}") }
	for _, tc := range []struct {
		name   string
		do     in
		routes string
		want   string
	}{
		{"another release that is active", upTo(version("3")), "2:green", "service web: another command changed its route from 1:blue to 2:green: the steps of release 2 end here: "},
		{"withdrawn", upTo(file("1")), "1:blue", "service web: another command withdrew the release: the steps of release 2 end here: "},
		{"another release", upWith(file("3"), plan.UpOptions{NoFlip: true}), "1:blue", "service web: another command gave green another release: the steps of release 2 end here: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(file("1")))
				m.must(m.upWith(file("2"), plan.UpOptions{NoFlip: true}))
				time.Sleep(24 * time.Hour)
				ended := make(chan error, 1)
				go func() { ended <- upTo(file("2"))(m.t.Context(), m) }()
				time.Sleep(3 * time.Minute)
				m.wantTold("web up: all traffic in 10m0s")
				m.must(tc.do(m.t.Context(), m))
				err := <-ended
				m.wantError(err, new(*CutInError), tc.want)
				m.wantRoutes(tc.routes, tc.routes)
			})
		})
	}
}

// Shares of services that depend on one another are taken back before another release comes.
func TestSharesOfDependentServices(t *testing.T) {
	file := func(v string) string {
		return `services:
  web: {image: 'shop/web:` + v + `', expose: [8080], depends_on: [api], x-bluegreen: {promote: manual, canary: {}}}
  api: {image: 'shop/api:` + v + `', expose: [8080], x-bluegreen: {promote: manual, canary: {}}}
`
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		m.must(giving(10)(m.t.Context(), m))
		m.wantRoutes("2:blue:10", "2:blue:10")
		m.must(m.up(file("3")))
		m.wantRoutes("3:blue", "3:blue")
		m.must(giving(10)(m.t.Context(), m))
		m.must(m.up(file("1")))
		m.wantRoutes("5:blue", "5:blue")
	})
}

// An up that waits between steps makes one call a second, for however many services.
func TestCallsBetweenSteps(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(v string) string {
			text := "services:\n"
			for _, name := range []string{"web", "api", "shop", "cart", "mail"} {
				text += "  " + name + ": {image: 'shop/app:" + v + "', expose: [8080], x-bluegreen: {canary: {steps: [50], every: 5m}}}\n"
			}
			return text
		}
		m.must(m.up(file("1")))
		ended := make(chan error, 1)
		go func() { ended <- m.up(file("2")) }()
		time.Sleep(2 * time.Minute)
		m.wantRoutes("2:blue:50", "2:blue:50")
		m.Calls()
		time.Sleep(20 * time.Second)
		if calls := m.Calls(); len(calls) > 21 {
			m.t.Errorf("%d calls in 20 s: %v", len(calls), calls)
		}
		m.must(<-ended)
		m.wantRoutes("3:green", "3:green")
	})
}
