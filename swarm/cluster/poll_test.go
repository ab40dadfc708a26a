package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	api "github.com/docker/docker/api/types/swarm"
)

// looked is one look of a poller under test.
type looked struct {
	at       time.Duration
	kind     kind
	services string
}

// watched is a poller that notes its looks, each of which takes a while and sees one task of each
// service. Services called gone fail.
func watched(list *[]looked) *poller {
	began, mu := time.Now(), sync.Mutex{}
	return &poller{turns: turns{wake: make(chan struct{})}, look: func(_ context.Context, k kind, services []string) seen {
		mu.Lock()
		*list = append(*list, looked{time.Since(began), k, fmt.Sprint(services)})
		mu.Unlock()
		if slices.Contains(services, "silent") {
			return seen{err: errors.New("no answer from the manager")}
		}
		if slices.Contains(services, "gone") {
			return seen{err: fmt.Errorf("no such service: %w", cerrdefs.ErrNotFound)}
		}
		time.Sleep(10 * time.Millisecond)
		var s seen
		for _, id := range services {
			s.tasks = append(s.tasks, api.Task{ID: id + "." + time.Since(began).String(), ServiceID: id})
		}
		return s
	}}
}

// However many wait, there are at most five looks a second, and each wait gets its own service.
func TestWaitsShareTheirLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until the poller has ended
		var list []looked
		p := watched(&list)
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		var waits sync.WaitGroup
		rounds := make([]int, 30)
		for i := range rounds {
			waits.Go(func() {
				id, k := fmt.Sprintf("s%02d", i), kind(i%2) // allTasks, currentTasks
				for {
					saw := p.next(ctx, k, id)
					tasks, err := saw.tasks, saw.err
					if err != nil {
						return
					}
					if len(tasks) != 1 || tasks[0].ServiceID != id {
						t.Errorf("%s got %v", id, tasks)
					}
					rounds[i]++
				}
			})
		}
		waits.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(list) < 11 || len(list) > 15 {
			t.Errorf("%d looks in 4 s", len(list))
		}
		for i := 1; i < len(list); i++ {
			if gap := list[i].at - list[i-1].at; gap < lookFast {
				t.Errorf("%s between two looks", gap)
			}
		}
		for i, n := range rounds {
			if n < 5 {
				t.Errorf("wait %d got %d answers", i, n)
			}
		}
	})
}

// When nothing happens looks become rarer; an event makes them as often again.
func TestLooksRestWhenNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until the poller has ended
		var list []looked
		p := watched(&list)
		count := func(during time.Duration) int {
			before := len(list)
			for end := time.Now().Add(during); time.Now().Before(end); {
				if err := p.next(t.Context(), allTasks, "s").err; err != nil {
					t.Fatal(err)
				}
			}
			return len(list) - before
		}
		busy := count(calm)
		resting := count(5 * time.Second)
		p.turns.stir()
		again := count(calm)
		if busy < 7 || busy > 9 || resting < 9 || resting > 11 || again < 7 || again > 9 {
			t.Errorf("%d looks at first, then %d, and %d after an event", busy, resting, again)
		}
	})
}

// A look that fails because of one service fails for that one only; who gave up is not looked for.
func TestOneWaitDoesNotFailAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until the poller has ended
		var list []looked
		p := watched(&list)
		p.turns.take(t.Context()) // so that what follows is one batch
		given, cancel := context.WithCancel(t.Context())
		var waits sync.WaitGroup
		waits.Go(func() {
			if err := p.next(given, allTasks, "given-up").err; !errors.Is(err, context.Canceled) {
				t.Errorf("given up: %v", err)
			}
		})
		waits.Go(func() {
			if err := p.next(t.Context(), allTasks, "gone").err; err == nil {
				t.Error("a service that is gone has tasks")
			}
		})
		waits.Go(func() {
			if s := p.next(t.Context(), allTasks, "s"); s.err != nil || len(s.tasks) != 1 {
				t.Errorf("%v, %v", s.tasks, s.err)
			}
		})
		synctest.Wait()
		cancel()
		waits.Wait()
		var services []string
		for _, l := range list {
			services = append(services, l.services)
		}
		slices.Sort(services)
		if want := []string{"[gone s]", "[gone]", "[s]"}; !slices.Equal(services, want) {
			t.Errorf("looked for %v, want %v", services, want)
		}
	})
}

// A manager that does not answer is not asked once more for each wait.
func TestSilenceIsOfAllWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until the poller has ended
		var list []looked
		p := watched(&list)
		p.turns.take(t.Context()) // so that what follows is one batch
		var waits sync.WaitGroup
		for _, id := range []string{"s", "silent"} {
			waits.Go(func() {
				if saw := p.next(t.Context(), allTasks, id); saw.err == nil {
					t.Errorf("%s got an answer", id)
				}
			})
		}
		waits.Wait()
		if len(list) != 1 {
			t.Errorf("looked %v", list)
		}
	})
}

// A request is answered by a look that began after it.
func TestALookBeginsAfterItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second) // until the poller has ended
		var list []looked
		p := watched(&list)
		began := time.Now()
		var waits sync.WaitGroup
		for i := range 40 {
			waits.Go(func() {
				time.Sleep(time.Duration(i) * 7 * time.Millisecond)
				asked := time.Since(began)
				saw := p.next(t.Context(), allTasks, "s")
				tasks, err := saw.tasks, saw.err
				if err != nil {
					t.Error(err)
					return
				}
				seenAt, _ := time.ParseDuration(tasks[0].ID[len("s."):])
				if seenAt-10*time.Millisecond < asked {
					t.Errorf("asked at %s, and got a look of %s", asked, seenAt-10*time.Millisecond)
				}
			})
		}
		waits.Wait()
	})
}
