package swarm

import (
	"context"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// testedFor is a swarm on which release 3 of web is tested for an hour, on blue, or verified with
// the traffic, and the up that does so.
func (m *memory) testedFor(key string) (ended chan error) {
	m.t.Helper()
	file := func(v string) string { return strings.Replace(withTest(v), "{test:", "{"+key+":", 1) }
	m.must(m.up(file("1")))
	m.must(m.up(file("2")))
	slow := m.Default
	slow.Done = time.Hour
	m.SetApp("shop/smoke:1", slow)
	ended = make(chan error, 1)
	go func() { ended <- m.up(file("3")) }()
	time.Sleep(5 * time.Minute)
	return ended
}

// endsSoon fails the test unless a command comes in between at once, and the other one ends then
// and says so.
func (m *memory) endsSoon(ended chan error, command func() error, most time.Duration, says string) {
	m.t.Helper()
	began := time.Now()
	m.must(command())
	if took := time.Since(began); took > most {
		m.t.Errorf("it took %s", took)
	}
	err := <-ended
	if took := time.Since(began); took > most+2*time.Second {
		m.t.Errorf("the up went on for %s", took)
	}
	m.wantError(err, new(*TestCutInError), says, " came in between while smoke tests release 3 of web: ", "run it again to go on")
	if code := cluster.ExitCode(err); code != 1 {
		m.t.Errorf("exit code %d", code)
	}
	if m.lockIsThere() {
		m.t.Error("a lock is left")
	}
}

// While a release is tested, other commands do not wait for the job: a rollback withdraws the
// release, and traffic stays where it is.
func TestRollbackDuringATest(t *testing.T) {
	inMemory(t, func(m *memory) {
		ended := m.testedFor("test")
		m.wantRoutes("2:green", "2:green")
		m.endsSoon(ended, m.rollback, 15*time.Second, "")
		m.wantRoutes("2:green", "2:green")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.SetApp("shop/smoke:1", m.Default)
		m.must(m.up(withTest("3")))
		m.wantRoutes("3:blue", "3:blue")
	})
}

// Other commands do at once what they are for.
func TestCommandsDuringATest(t *testing.T) {
	for name, tc := range map[string]struct {
		key     string
		command func(m *memory) error
		route   string
	}{
		"flip":            {"test", (*memory).flip, "3:blue"},
		"pause":           {"test", func(m *memory) error { return pausing(m.t.Context(), m) }, "3:green::hold-30"},
		"rollback, later": {"verify", (*memory).rollback, "4:green"},
		"flip, later":     {"verify", (*memory).flip, "4:green"},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				ended := m.testedFor(tc.key)
				m.endsSoon(ended, func() error { return tc.command(m) }, 2*time.Second, "")
				m.wantRoutes(tc.route, tc.route)
				m.SetApp("shop/smoke:1", m.Default)
			})
		})
	}
}

// An up of another release, and a promote, wait for the test.
func TestWhatWaitsForATest(t *testing.T) {
	inMemory(t, func(m *memory) {
		ended := m.testedFor("test")
		began := time.Now()
		m.must(m.operator().Promote(m.t.Context(), plan.FlipOptions{LockTimeout: 2 * time.Hour}))
		if took := time.Since(began); took < 50*time.Minute {
			m.t.Errorf("the promote has waited for %s", took)
		}
		m.must(<-ended)
		m.wantRoutes("3:blue", "3:blue")
	})
}

// A command that was killed while it waited for a test left an open lock: nobody waits for it.
func TestKilledDuringATest(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		c := lockOf("another boot 1 2")
		c.Labels[labelOpen] = `{"web":{"job":"smoke","color":"blue","release":9}}`
		_, err := m.ConfigCreate(m.t.Context(), c)
		m.must(err)
		began := time.Now()
		m.must(m.rollback()) // release 9 is not there: this is one as usual
		if took := time.Since(began); took > 2*time.Second {
			m.t.Errorf("it took %s", took)
		}
		m.wantRoutes("3:blue", "3:blue")
	})
}

// Whoever has opened the lock writes nothing before it has closed it, and nothing at all once
// another command has it.
func TestOpenLock(t *testing.T) {
	inMemory(t, func(m *memory) {
		o, other := m.operator(), m.operator()
		tests := map[string]cluster.Tested{"web": {Job: "smoke", Color: cluster.Blue, Release: 3}}
		err := o.locked(m.t.Context(), "docker bluegreen up", time.Minute, func(ctx context.Context) error {
			shut, err := o.ex.Open(ctx, tests)
			m.must(err)
			if _, err := o.ex.Engine.ConfigCreate(ctx, named("one")); err == nil {
				m.t.Error("it wrote with an open lock")
			}
			m.must(shut(ctx))
			_, err = o.ex.Engine.ConfigCreate(ctx, named("two"))
			m.must(err)
			shut, err = o.ex.Open(ctx, tests)
			m.must(err)
			m.must(other.locked(m.t.Context(), "docker bluegreen flip", time.Minute, func(context.Context) error { return nil }))
			err = shut(ctx)
			if _, werr := o.ex.Engine.ConfigCreate(ctx, named("three")); werr == nil {
				m.t.Error("it wrote without the lock")
			}
			return err
		})
		m.wantError(err, new(*TestCutInError), "another command came in between while smoke tests release 3 of web")
	})
}

// named is a config of that name.
func named(name string) api.ConfigSpec {
	return api.ConfigSpec{Annotations: api.Annotations{Name: name}, Data: []byte("1")}
}
