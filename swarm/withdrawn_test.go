package swarm

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// A rollback that withdraws a release under test, and is ended half-way, goes no further back when
// it is run again: traffic stays where it was.
func TestWithdrawalThatIsCutShort(t *testing.T) {
	for n := 1; ; n++ {
		done := false
		inMemory(t, func(m *memory) {
			ended := m.testedFor("test")
			ctx, interrupt := context.WithCancel(m.t.Context())
			defer interrupt()
			h := &happening{fault: fault{name: "Ctrl-C", befalls: func(c *call) bool { return c.write() && !strings.Contains(c.object, "lock") }, strikes: func(_ context.Context, h *happening, carryOut func() error) error {
				err := carryOut()
				h.interrupt()
				return err
			}}, nth: int32(n), interrupt: interrupt, killed: make(chan struct{}), over: make(chan struct{})}
			j := &judge{m: m}
			o := New(&faulty{m.Engine(), h, j}, "shop", nil)
			err := o.Rollback(ctx, plan.FlipOptions{})
			<-ended
			done = h.hit.Load() == nil
			if err == nil {
				return
			}
			if n == 1 { // the lock is taken over, and no more: only the text can say so
				m.wantError(err, nil, "the command that waited while smoke tests release 3 of web ends")
				return
			}
			err = m.rollback()
			if got := m.Routes("web"); got[0] != "2:green" {
				t.Errorf("%d: %s: the same command again has moved traffic: %v (%v)", n, h, got, err)
			}
		})
		if done {
			return
		}
	}
}

// A rollback that came in between, but had to wait for another command, does what it does without:
// the release is not under test any more.
func TestFoundThatIsStale(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(v string) string { return strings.Replace(withTest(v), "{test:", "{promote: manual, test:", 1) }
		m.must(m.up(file("1")))
		m.must(promoting(m.t.Context(), m))
		m.must(m.up(file("2")))
		m.must(promoting(m.t.Context(), m))
		slow := m.Default
		slow.Done = time.Hour
		m.SetApp("shop/smoke:1", slow)
		ended := make(chan error, 1)
		go func() { ended <- m.up(file("3")) }()
		time.Sleep(5 * time.Minute)
		m.SetApp("shop/smoke:1", swarmtest.App{Start: time.Millisecond, Done: time.Millisecond, Stop: time.Millisecond})
		// Another up gets the lock right after the rollback has removed that of the first.
		second := make(chan error, 1)
		h := &happening{fault: fault{befalls: func(c *call) bool { return c.name == "ConfigRemove" }, strikes: func(_ context.Context, _ *happening, carryOut func() error) error {
			err := carryOut()
			go func() { second <- m.up(strings.Replace(file("3"), ", test: [smoke]", "", 1)) }()
			time.Sleep(10 * time.Millisecond)
			return err
		}}, nth: 1, killed: make(chan struct{}), over: make(chan struct{})}
		err := New(&faulty{m.Engine(), h, &judge{m: m}}, "shop", nil).Rollback(m.t.Context(), plan.FlipOptions{LockTimeout: time.Hour})
		m.must(<-second)
		<-ended
		m.must(err)
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		if r := m.Routes("web"); !strings.HasSuffix(r[0], ":blue") {
			t.Errorf("the rollback has ended with exit code 0, and the traffic is where it was: %v", r)
		}
	})
}

// An up that brings back what the idle color still holds is cut short while it is tested: the color
// stays, since it is the way back.
func TestWithdrawalOfAWayBack(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(withTest("1")))
		m.must(m.up(withTest("2")))
		slow := m.Default
		slow.Done = time.Hour
		m.SetApp("shop/smoke:1", slow)
		ended := make(chan error, 1)
		go func() { ended <- m.up(withTest("1")) }()
		time.Sleep(5 * time.Minute)
		m.must(m.rollback())
		<-ended
		m.wantRoutes("2:green", "2:green")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// A prune that is killed right before it removes the history: the next up removes it.
func TestHistoryOfWhatIsPruned(t *testing.T) {
	two := strings.Replace(version("1"), "services:\n", "services:\n  api: {image: 'shop/api:1', expose: [8080], x-bluegreen: {}}\n", 1)
	inMemory(t, func(m *memory) {
		m.must(m.up(two))
		h := &happening{fault: fault{befalls: func(c *call) bool { return c.name == "ConfigRemove" && !strings.Contains(c.object, "lock") }, strikes: func(context.Context, *happening, func() error) error {
			return errGateway
		}}, nth: 1, killed: make(chan struct{}), over: make(chan struct{})}
		m.wrap = nil
		o := New(&faulty{m.Engine(), h, &judge{m: m, stops: true}}, "shop", nil)
		err := o.Up(m.t.Context(), plantest.LoadShop(t, version("1")), plan.UpOptions{Prune: true, ResolveImage: plan.ResolveNever})
		t.Log(err, h)
		m.must(m.upWith(version("1"), plan.UpOptions{Prune: true}))
		m.wantReleases("api")
	})
}

// What somebody wrote by hand in the place of a release is passed over.
func TestDamagedHistory(t *testing.T) {
	for _, data := range []string{"{}", "null", `{"TaskTemplate":{"ContainerSpec":{}}}`, `{"TaskTemplate":{"ContainerSpec":null}}`} {
		inMemory(t, func(m *memory) {
			m.must(m.up(version("1")))
			m.must(m.up(version("2")))
			m.must(m.up(version("3")))
			var c api.Config
			for _, x := range m.configs() {
				if x.Spec.Name == "shop-bluegreen_web-release-1" {
					c = x
				}
			}
			m.must(m.ConfigRemove(m.t.Context(), c.ID))
			c.Spec.Data = []byte(data)
			_, err := m.ConfigCreate(m.t.Context(), c.Spec)
			m.must(err)
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s: panic: %v", data, r)
				}
			}()
			_, err = m.operator().History(m.t.Context(), nil)
			m.must(err)
			_, err = m.operator().PlanRollback(m.t.Context(), plan.FlipOptions{Release: 1})
			t.Log(err)
			m.must(m.up(version("3")))
		})
	}
}

func (m *memory) configs() []api.Config {
	list, err := m.ConfigList(m.t.Context(), api.ConfigListOptions{})
	m.must(err)
	return list
}

// The first up is killed right before it writes down that its release is active: that it had the
// traffic is known all the same.
func TestHistoryOfAKilledFirstUp(t *testing.T) {
	inMemory(t, func(m *memory) {
		h := &happening{fault: fault{befalls: func(c *call) bool { return c.name == "ConfigUpdate" && !strings.Contains(c.object, "lock") }, strikes: func(_ context.Context, h *happening, _ func() error) error {
			close(h.killed)
			<-h.over
			return errKilled
		}}, nth: 1, killed: make(chan struct{}), over: make(chan struct{})}
		defer close(h.over)
		o := New(&faulty{m.Engine(), h, &judge{m: m}}, "shop", nil)
		go func() {
			_ = o.Up(m.t.Context(), plantest.LoadShop(t, version("1")), plan.UpOptions{ResolveImage: plan.ResolveNever})
		}()
		<-h.killed
		m.must(m.upWith(version("1"), plan.UpOptions{LockTimeout: time.Hour}))
		m.must(m.up(version("2")))
		m.must(m.up(version("3")))
		hist, err := m.operator().History(m.t.Context(), nil)
		m.must(err)
		for _, r := range hist.Releases {
			if r.Release == 1 && r.Outcome != outcomeReplaced {
				text, _ := json.Marshal(r)
				t.Errorf("release 1 has had all traffic, and its outcome is %s: %s", r.Outcome, text)
			}
		}
	})
}

var _ = cluster.Blue
