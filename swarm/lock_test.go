package swarm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// lockOf is the lock in the hands of a command of another process.
func lockOf(process string) api.ConfigSpec {
	spec := lockSpec("shop", "docker bluegreen up", "theirs")
	spec.Labels[labelOwner], spec.Labels[labelProcess] = "ann@builder", process
	return spec
}

// holding runs a command that does nothing but to hold the lock.
func (m *memory) holding(ctx context.Context, timeout time.Duration, do func(context.Context) error) error {
	return m.operator().locked(ctx, "docker bluegreen flip", timeout, do)
}

func TestLockOfAnotherIsWaitedFor(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.foreignLock()
		since := m.theLock().Spec.Labels[labelSince]
		err := m.holding(m.t.Context(), 10*time.Second, func(context.Context) error {
			m.t.Error("ran without the lock")
			return nil
		})
		m.wantText(err, "stack shop is locked by `docker bluegreen up` of ann@builder, since "+since+": wait for it, or give a longer --lock-timeout (now 10s)")
	})
}

func TestLockOfADeadProcessIsTakenOver(t *testing.T) {
	inMemory(t, func(m *memory) {
		dead := strings.Fields(thisProcess())
		if len(dead) != 4 {
			m.t.Fatalf("this system tells no process identity: %q", dead)
		}
		dead[3] = "1" // a process of our number that started at another time
		_, err := m.ConfigCreate(m.t.Context(), lockOf(strings.Join(dead, " ")))
		m.must(err)
		began, ran := time.Now(), false
		m.must(m.holding(m.t.Context(), time.Minute, func(context.Context) error { ran = true; return nil }))
		if took := time.Since(began); !ran || took > time.Second || m.lockIsThere() {
			m.t.Errorf("ran %v after %s, and a lock is left: %v", ran, took, m.lockIsThere())
		}
	})
}

func TestLockThatStandsStillIsDead(t *testing.T) {
	before := func(d time.Duration) moment {
		n := now()
		return moment{n.steady.Add(-d), n.wall.Add(-d)}
	}
	asleep := now() // a machine that slept for an hour
	asleep.wall = asleep.wall.Add(-time.Hour)
	c := api.Config{ID: "theirs", Spec: lockOf("another boot 1 2")}
	for _, tc := range []struct {
		name        string
		since, last moment
		beats       bool
		dead        bool
	}{
		{"stands still", before(31 * time.Second), before(time.Second), false, true},
		{"not long enough", before(29 * time.Second), before(time.Second), false, false},
		{"beats", before(31 * time.Second), before(time.Second), true, false},
		{"nobody could look", before(31 * time.Second), before(20 * time.Second), false, false},
		{"nobody looked for an hour", asleep, asleep, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := lockSeen{id: c.ID, version: c.Version.Index, since: tc.since, last: tc.last}
			now := c
			if tc.beats {
				now.Version.Index++
			}
			if why := l.dead(now); (why != "") != tc.dead {
				t.Errorf("it is dead: %q, want %v", why, tc.dead)
			}
		})
	}
}

// However many commands want a lock without an owner, and however long one of them takes over it:
// one holds it at a time, and each gets it.
func TestOneTakesOver(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.foreignLock()
		var slow atomic.Bool
		m.Before = func(call, _ string) error {
			if call == "ConfigRemove" && slow.CompareAndSwap(false, true) {
				time.Sleep(50 * time.Second)
			}
			return nil
		}
		var all sync.WaitGroup
		var in, ran atomic.Int32
		for range 5 {
			all.Go(func() {
				err := m.holding(m.t.Context(), time.Hour, func(context.Context) error {
					if in.Add(1) > 1 {
						m.t.Error("two at once")
					}
					time.Sleep(40 * time.Second)
					in.Add(-1)
					ran.Add(1)
					return nil
				})
				if err != nil {
					m.t.Error(err)
				}
			})
		}
		all.Wait()
		if ran.Load() != 5 || m.lockIsThere() {
			m.t.Errorf("%d of 5 ran, and a lock is left: %v", ran.Load(), m.lockIsThere())
		}
	})
}

// An owner that shows that it lives, at the very moment when another takes the lock over, keeps it.
func TestOwnerThatLivesAfterAll(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.foreignLock()
		began, beats := time.Now(), 0
		m.Before = func(call, _ string) error {
			if call == "ConfigUpdate" && beats == 0 {
				beats++
				c := m.theLock()
				c.Spec.Labels[labelBeat] = "1"
				m.must(m.ConfigUpdate(m.t.Context(), c.ID, c.Version, c.Spec))
			}
			return nil
		}
		m.must(m.holding(m.t.Context(), time.Hour, func(context.Context) error { return nil }))
		if took := time.Since(began); beats != 1 || took < 2*staleAfter {
			m.t.Errorf("taken over after %s and %d beats of its owner", took, beats)
		}
	})
}

// What an interruption leaves to do is done with the lock: nobody takes it over.
func TestInterruptedCommandsBeat(t *testing.T) {
	inMemory(t, func(m *memory) {
		ctx, interrupt := context.WithCancel(m.t.Context())
		time.AfterFunc(5*time.Second, interrupt)
		began := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = m.holding(ctx, time.Hour, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(50 * time.Second)
				return nil
			})
		}()
		time.Sleep(time.Second)
		m.must(m.holding(m.t.Context(), time.Hour, func(context.Context) error { return nil }))
		if took := time.Since(began); took < 55*time.Second {
			m.t.Errorf("another had the lock after %s", took)
		}
		<-done
	})
}

// A command writes nothing while its last beat is old by any clock, nor after it lost the lock.
func TestWhoMayWrite(t *testing.T) {
	h := &hold{soon: make(chan struct{}, 1), shown: now()}
	if err := h.mayWrite(); err != nil {
		t.Error(err)
	}
	h.shown.wall = h.shown.wall.Add(-time.Hour) // the machine slept
	var later *engine.NotNow
	if err := h.mayWrite(); !errors.As(err, &later) {
		t.Errorf("after a sleep: %v", err)
	}
	if len(h.soon) != 1 {
		t.Error("it does not ask for a beat")
	}
	h.lost = cluster.ErrLockLost
	if err := h.mayWrite(); !errors.Is(err, cluster.ErrLockLost) {
		t.Errorf("without the lock: %v", err)
	}
}

func TestOwnProcessLives(t *testing.T) {
	if thisProcess() == "" || processEnded(thisProcess()) {
		t.Errorf("this process counts as ended: %q", thisProcess())
	}
}

// Only a process that is known to have ended counts as such: /proc may hide others.
func TestProcesses(t *testing.T) {
	child := exec.CommandContext(t.Context(), "sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	living := child.Process.Pid
	id := ours.identity(living)
	hidden := processesOf(t.TempDir())
	for path, content := range map[string]string{"sys/kernel/random/boot_id": strings.Fields(id)[0]} {
		path = filepath.Join(hidden.proc, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	self := filepath.Join(hidden.proc, "self/ns")
	if err := errors.Join(os.MkdirAll(self, 0o700), os.Symlink(strings.Fields(id)[1], self+"/pid")); err != nil {
		t.Fatal(err)
	}
	check := func(name string, p processes, id string, ended bool) {
		if got := p.ended(id); got != ended {
			t.Errorf("%s: ended %v, want %v: %s", name, got, ended, id)
		}
	}
	check("lives", ours, id, false)
	check("lives, hidden", hidden, id, false)
	check("another has its number", ours, strings.Join(append(strings.Fields(id)[:3], "1"), " "), true)
	check("another boot", ours, "x "+strings.Join(strings.Fields(id)[1:], " "), false)
	check("no identity", ours, "", false)
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for !ours.ended(id) { // a zombie, as long as nobody has waited for it
		time.Sleep(time.Millisecond)
	}
	_ = child.Wait()
	check("has ended", ours, id, true)
	check("has ended, hidden", hidden, id, true)
	check("a number that is none", ours, fmt.Sprintf("%s -1 5", ours.machine()), false)
}
