package swarm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

const lockName = "config shop-bluegreen-lock"

func (m *memory) lockIsThere() bool { return slices.Contains(m.Objects(), lockName) }

// theLock is the config of the lock, nil for none.
func (m *memory) theLock() *api.Config {
	m.t.Helper()
	c, err := (&hold{engine: m.Swarm, stack: "shop"}).holder(m.t.Context())
	m.must(err)
	return c
}

// foreignLock takes the lock as a command elsewhere does, which never shows that it lives.
func (m *memory) foreignLock() {
	m.t.Helper()
	_, err := m.ConfigCreate(m.t.Context(), lockOf("another boot 1 2"))
	m.must(err)
}

// A lock whose owner shows no life for half a minute is taken over, and the user is told.
func TestLockThatStandsStillIsTakenOver(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.foreignLock()
		since := m.theLock().Spec.Labels[labelSince]
		began := time.Now()
		m.must(m.upWith(version("1"), plan.UpOptions{LockTimeout: time.Hour}))
		if took := time.Since(began); took < staleAfter {
			m.t.Errorf("it was taken over after %s", took)
		}
		m.wantTold("lock: waiting for `docker bluegreen up` of ann@builder, since "+since,
			"lock: taking over the lock of `docker bluegreen up` of ann@builder, since "+since+": it has stood still for 30s",
			"lock: the lock is free")
		m.wantRoutes("1:blue", "1:blue")
		if m.lockIsThere() {
			m.t.Error("a lock is left")
		}
	})
}

// A lock whose owner lives is waited for until --lock-timeout, and nothing is done.
func TestLockThatBeatsIsNotTakenOver(t *testing.T) {
	inMemory(t, func(m *memory) {
		held := make(chan struct{})
		go func() {
			defer close(held)
			err := m.operator().locked(m.t.Context(), "docker bluegreen up", time.Minute, func(context.Context) error {
				time.Sleep(10 * time.Minute)
				return nil
			})
			if err != nil {
				m.t.Error(err)
			}
		}()
		time.Sleep(time.Second)
		since := m.theLock().Spec.Labels[labelSince]
		m.wantText(m.upWith(version("1"), plan.UpOptions{LockTimeout: 5 * time.Minute}),
			"stack shop is locked by `docker bluegreen up` of "+owner()+", since "+since+": wait for it, or give a longer --lock-timeout (now 5m0s)")
		if got := m.services(); len(got) > 0 {
			m.t.Errorf("without the lock it made %v", got)
		}
		m.must(m.upWith(version("1"), plan.UpOptions{LockTimeout: 10 * time.Minute}))
		<-held
	})
}

// Who waits for the lock can be interrupted.
func TestInterruptedWhileItWaitsForTheLock(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.foreignLock()
		ctx, cancel := context.WithTimeout(m.t.Context(), 5*time.Second)
		defer cancel()
		m.wantText(m.upIn(ctx, version("1"), plan.UpOptions{LockTimeout: time.Hour}), "interrupted: nothing was done")
		if got := m.services(); len(got) > 0 || m.theLock().Spec.Labels[labelOwner] != "ann@builder" {
			m.t.Errorf("services %v, lock of %s; want none, and the lock of ann@builder", got, m.theLock().Spec.Labels[labelOwner])
		}
	})
}

// A command whose lock was taken over ends at once: the other one has begun.
func TestLockThatWasLost(t *testing.T) {
	const want = "another command took the lock of the stack over, because this one stood still for too long: run this command again"
	for _, tc := range []struct {
		name string
		lose func(m *memory)
		want string
		left bool // the lock is another's then
		most time.Duration
	}{
		{"removed", func(m *memory) { m.must(m.ConfigRemove(m.t.Context(), m.theLock().ID)) }, want, false, 80 * time.Second},
		{"another's", func(m *memory) {
			m.must(m.ConfigRemove(m.t.Context(), m.theLock().ID))
			m.foreignLock()
		}, want, true, 80 * time.Second},
		{"taken over", func(m *memory) {
			c := m.theLock()
			m.must(m.ConfigUpdate(m.t.Context(), c.ID, c.Version, lockOf("another boot 1 2")))
		}, want, true, 80 * time.Second},
		{"cannot be written", func(m *memory) {
			m.Before = func(call, _ string) error {
				if call == "ConfigUpdate" {
					return errRefused
				}
				return nil
			}
		}, "the lock of the stack could not be renewed for 1m30s, so that another command may take it: refused: run this command again", false, 160 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.SetApp("shop/web:3", swarmtest.App{Start: 3 * time.Minute, Stop: time.Second})
				time.AfterFunc(65*time.Second, func() { tc.lose(m) }) // between two beats
				began := time.Now()
				m.wantText(m.up(version("3")), tc.want)
				if took := time.Since(began); took > tc.most {
					m.t.Errorf("it went on for %s", took)
				}
				m.Before = nil
				m.wantRoutes("2:green", "2:green")
				if m.lockIsThere() != tc.left {
					m.t.Errorf("there is a lock: %v, want %v", m.lockIsThere(), tc.left)
				}
				m.must(m.upWith(version("3"), plan.UpOptions{LockTimeout: time.Hour}))
				m.wantRoutes("3:blue", "3:blue")
			})
		})
	}
}

// While the lock cannot be renewed nothing is written: others may take it. The command goes on when
// it can be renewed, and ends otherwise.
func TestNothingIsWrittenWithoutTheLock(t *testing.T) {
	for _, tc := range []struct {
		name   string
		broken time.Duration // how long no beat can be written, from the 65th second on
		want   string
		routes string
	}{
		{"for a while", time.Minute, "", "3:blue"},
		{"for good", time.Hour, "the lock of the stack could not be renewed for 1m30s, so that another command may take it: refused: run this command again", "2:green"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				m.SetApp("shop/web:3", swarmtest.App{Start: 90 * time.Second, Stop: time.Second}) // ready when it may not write
				began := time.Now()
				m.Before = func(call, object string) error {
					at := time.Since(began)
					switch beat := call == "ConfigUpdate" && object == "shop-bluegreen-lock"; {
					case at < 65*time.Second || at >= 65*time.Second+tc.broken:
					case beat:
						return errRefused
					case at > 85*time.Second && object != m.lockID(): // the last beat is 20 s old
						m.t.Errorf("%s %s after %s", call, object, at)
					}
					return nil
				}
				m.wantText(m.up(version("3")), tc.want)
				m.wantRoutes(tc.routes, tc.routes)
				m.Before = nil
				m.must(m.upWith(version("3"), plan.UpOptions{LockTimeout: time.Hour}))
				m.wantRoutes("3:blue", "3:blue")
			})
		})
	}
}

// lockID is the id of the lock, empty for none.
func (m *memory) lockID() string {
	if c := m.theLock(); c != nil {
		return c.ID
	}
	return ""
}

// One beat that fails is no reason to end.
func TestBeatThatFailsOnce(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp("shop/web:1", swarmtest.App{Start: 3 * time.Minute, Stop: time.Second})
		n := m.failing("ConfigUpdate", "shop-bluegreen-lock", 1, errLost)
		m.must(m.up(version("1")))
		if n.Load() < 10 {
			m.t.Errorf("the lock was written %d times in 3 minutes", n.Load())
		}
		m.wantRoutes("1:blue", "1:blue")
	})
}

// What goes wrong with the lock itself is told with the way out.
func TestLockErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		call string
		want string
		told string
	}{
		{"take", "ConfigCreate", "take the lock of stack shop: refused", ""},
		{"release", "ConfigRemove", "", "lock: release the lock of stack shop: refused: the next command takes it over after 30s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				var n atomic.Int32
				m.Before = func(call, object string) error {
					if call == tc.call && (object == "shop-bluegreen-lock" || call == "ConfigRemove") && n.Add(1) == 1 {
						return errRefused
					}
					return nil
				}
				m.wantText(m.flip(), tc.want)
				if tc.told != "" {
					m.wantTold(tc.told)
				}
				m.Before = nil
				m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue", LockTimeout: time.Hour}))
				m.wantRoutes("3:blue", "3:blue")
			})
		})
	}
}

// Taking a dead lock over can fail too.
func TestTakeOverThatFails(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.foreignLock()
		m.failing("ConfigRemove", "config-X", 1, errRefused)
		m.wantText(m.upWith(version("1"), plan.UpOptions{LockTimeout: time.Hour}), "take the lock of stack shop over: refused")
		m.failingReads(func(call string) error {
			if call == "ConfigList" {
				return errLost
			}
			return nil
		})
		m.wantText(m.up(version("1")), "read the lock of stack shop: "+noAnswer)
	})
}

// An interruption right after the lock was taken gives it back, and does nothing.
func TestInterruptedWithTheLock(t *testing.T) {
	inMemory(t, func(m *memory) {
		ctx, interrupt := context.WithCancelCause(m.t.Context())
		m.After = func(call, _ string) error {
			if call == "ConfigCreate" {
				interrupt(errors.New("signal"))
			}
			return nil
		}
		err := m.upIn(ctx, version("1"), plan.UpOptions{})
		var interrupted *cluster.InterruptedError
		m.wantError(err, &interrupted, "nothing was done")
		if left := m.Objects(); len(left) > 0 {
			m.t.Errorf("left: %s", strings.Join(left, ", "))
		}
	})
}
