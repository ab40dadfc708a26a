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
