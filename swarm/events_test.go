package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// listener keeps what Events tells, by an engine that it can take away.
type listener struct {
	engine.API
	mu     sync.Mutex
	seen   []feed.Event
	broken chan error
	away   bool
}

func (l *listener) Events(ctx context.Context, o events.ListOptions) (<-chan events.Message, <-chan error) {
	messages, failed := l.API.Events(ctx, o)
	either := make(chan error, 1)
	go func() {
		select {
		case err := <-failed:
			either <- err
		case err := <-l.broken:
			either <- err
		case <-ctx.Done():
			either <- ctx.Err()
		}
	}()
	return messages, either
}

func (l *listener) TaskList(ctx context.Context, o api.TaskListOptions) ([]api.Task, error) {
	l.mu.Lock()
	away := l.away
	l.mu.Unlock()
	if away {
		return nil, errors.New("connection reset by peer")
	}
	return l.API.TaskList(ctx, o)
}

// take returns what was told since the last take, without tasks, which come when they like.
func (l *listener) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, e := range l.seen {
		if e.What != feed.Ready {
			share := ""
			if e.Share != nil {
				share = fmt.Sprintf(" %d %%", *e.Share)
			}
			out = append(out, strings.Join(strings.Fields(fmt.Sprint(e.Service, " ", e.What, " ", e.From, " ", e.Color, " ", e.Release, share, " ", e.Command, " ", steady(e.Text))), " "))
		}
	}
	l.seen = nil
	return out
}

// listen begins to listen to a stack, until the test ends.
func (m *memory) listen(stack string) *listener {
	m.t.Helper()
	l := &listener{API: m.Engine(), broken: make(chan error)}
	ctx, stop := context.WithCancel(m.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- New(l, stack, nil).Events(ctx, func(e feed.Event) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.seen = append(l.seen, e)
		})
	}()
	m.t.Cleanup(func() {
		stop()
		m.must(<-done)
	})
	m.calm()
	return l
}

func (m *memory) wantEvents(l *listener, want ...string) {
	m.t.Helper()
	m.calm()
	if got := l.take(); !slices.Equal(got, want) {
		m.t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Events tells what commands do, of a stack that was not there before, and whether or not the
// engine was away meanwhile.
func TestEvents(t *testing.T) {
	inMemory(t, func(m *memory) {
		ctx, o := m.t.Context(), m.operator
		l := m.listen("")
		m.must(m.up(version("1")))
		m.wantEvents(l,
			"locked 0 up",
			"web began blue 1 up shop/web:1",
			"web proxies 0 up they begin",
			"web moved blue 1 up",
			"unlocked 0 up")
		m.must(m.up(options(version("2"), "{canary: {}}")))
		m.wantEvents(l,
			"locked 0 up",
			"web proxies 0 up update in progress",
			"web proxies 0 up update completed",
			"web began green 2 up shop/web:2",
			"web moved blue green 2 up",
			"unlocked 0 up")
		m.must(o().Canary(ctx, plan.FlipOptions{Share: 20}))
		m.wantEvents(l, "locked 0 canary", "web share blue 1 20 % canary", "unlocked 0 canary")
		m.must(o().Flip(ctx, plan.FlipOptions{}))
		m.wantEvents(l, "locked 0 flip", "web moved green blue 1 flip", "unlocked 0 flip")
		m.must(o().Rollback(ctx, plan.FlipOptions{Reason: "too slow"}))
		m.wantEvents(l, "locked 0 rollback", "web moved blue green 2 rollback", "web rolled back blue 1 rollback too slow", "unlocked 0 rollback")
		m.must(o().State(ctx, plan.Pause, held))
		m.wantEvents(l, "locked 0 pause", "web paused green 2 pause", "unlocked 0 pause")
		m.must(o().State(ctx, plan.Resume, plan.FlipOptions{}))
		m.wantEvents(l, "locked 0 resume", "web live green 2 resume", "unlocked 0 resume")
		l.broken <- errors.New("unexpected EOF")
		m.wantEvents(l, "disconnected 0 the stream of its events ended: unexpected EOF", "connected 0")
		l.mu.Lock()
		l.away = true
		l.mu.Unlock()
		m.must(o().Flip(ctx, plan.FlipOptions{}))
		time.Sleep(10 * time.Minute)
		m.wantEvents(l, "disconnected 0 connection reset by peer")
		l.mu.Lock()
		l.away = false
		l.mu.Unlock()
		m.wantEvents(l, "connected 0", "web moved green blue 1 flip")
		m.must(m.down())
		m.calm()
		got := l.take()
		slices.Sort(got) // colors are removed side by side
		if want := []string{"locked 0 down", "unlocked 0 down", "web removed 0 down", "web removed blue 1 down", "web removed green 2 down"}; !slices.Equal(got, want) {
			m.t.Errorf("events %q, want %q", got, want)
		}
	})
}

// slowly is an engine on which something happens after the first answer of a look.
type slowly struct {
	engine.API
	answers int
	then    func()
}

func (e *slowly) ServiceList(ctx context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	e.answer()
	return e.API.ServiceList(ctx, o)
}

func (e *slowly) ConfigList(ctx context.Context, o api.ConfigListOptions) ([]api.Config, error) {
	e.answer()
	return e.API.ConfigList(ctx, o)
}

func (e *slowly) answer() {
	if e.answers++; e.answers == 2 && e.then != nil {
		e.then()
	}
}

// A lock is told before what is done under it, and its end after that, also if a look takes so long
// that the swarm changes meanwhile.
func TestEventsOfASlowLook(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first func(m *memory) // before the look, and then while it goes on
		while func(m *memory)
		want  []string
	}{
		{"a lock comes", func(*memory) {}, func(m *memory) { m.takeLock(); m.removeByHand("shop_web-blue") }, []string{"locked", "removed"}},
		{"a lock goes", (*memory).takeLock, func(m *memory) { m.removeByHand("shop_web-blue"); m.dropLock() }, []string{"removed", "unlocked"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.two()
				tc.first(m)
				e := &slowly{API: m.Engine()}
				w := &watcher{o: New(e, "shop", nil), all: true}
				before, err := w.look(m.t.Context())
				m.must(err)
				w.all, e.answers, e.then = true, 0, func() { tc.while(m) }
				after, err := w.look(m.t.Context())
				m.must(err)
				var told []string
				for _, event := range feed.Compare(before, after) {
					told = append(told, string(event.What))
				}
				if !slices.Equal(told, tc.want) {
					m.t.Errorf("it tells %q, want %q", told, tc.want)
				}
			})
		})
	}
}

// takeLock takes the lock of the stack, as an up does, and dropLock gives it back.
func (m *memory) takeLock() {
	m.t.Helper()
	_, err := m.Engine().ConfigCreate(m.t.Context(), lockSpec("shop", "docker bluegreen up", "a token"))
	m.must(err)
}

func (m *memory) dropLock() {
	m.t.Helper()
	all, err := m.Engine().ConfigList(m.t.Context(), api.ConfigListOptions{})
	m.must(err)
	lock := slices.IndexFunc(all, func(c api.Config) bool { return c.Spec.Name == cluster.LockName("shop") })
	m.must(m.Engine().ConfigRemove(m.t.Context(), all[lock].ID))
}
