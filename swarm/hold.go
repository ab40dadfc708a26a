package swarm

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Others take a lock over that stood still for staleAfter. So its owner writes nothing more once
// its last beat is older than freshFor: what is under way then has still time to arrive. It ends
// when it could not show for giveUpAfter that it lives.
const (
	beatTime    = 5 * time.Second // for one beat
	beatPause   = time.Second     // after one that failed, while a write waits for the next
	freshFor    = 20 * time.Second
	giveUpAfter = 90 * time.Second
)

// hold is the lock of a stack in the hands of one command.
type hold struct {
	engine           engine.API // without the fence
	stack, id, token string
	found            underTest // what the former owner waited for, if this command has come in between

	mu      sync.Mutex
	shown   moment        // when the last beat that was written was begun
	openFor underTest     // what the command waits for while others may take the lock; nil else
	lost    error         // why the lock is not ours any more
	soon    chan struct{} // of one place: a write waits for the next beat
}

// mayWrite is the fence of all writes of the command.
func (h *hold) mayWrite() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.lost != nil:
		return h.lost
	case h.openFor != nil:
		return errors.New("other commands may come in between: nothing is written meanwhile")
	case h.shown.ago() > freshFor:
		select {
		case h.soon <- struct{}{}:
		default:
		}
		return &engine.NotNow{Err: fmt.Errorf("the lock of the stack could not be renewed for %s", freshFor)}
	}
	return nil
}

func (h *hold) lostBy() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost
}

// beat shows that we live until ctx ends, and ends everything when the lock is not ours any more.
func (h *hold) beat(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-h.soon:
		}
		err := h.show(ctx, n)
		switch {
		case err == nil || ctx.Err() != nil:
			continue
		case !errors.Is(err, cluster.ErrLockLost) && h.shown.ago() >= giveUpAfter:
			err = &notRenewedError{err}
		}
		if errors.Is(err, cluster.ErrLockLost) {
			_ = h.loses(ctx, err, end) // the command ends with it
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(beatPause):
		}
	}
}

// show writes one beat. It is written over what was read, so that it fails if another has taken the
// lock meanwhile.
func (h *hold) show(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, beatTime)
	defer cancel()
	began := now()
	c, err := h.own(ctx)
	if err != nil {
		return err
	}
	c.Spec.Labels[labelBeat] = fmt.Sprint(n)
	if err := h.engine.ConfigUpdate(ctx, h.id, c.Version, c.Spec); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shown = began
	return nil
}

// own reads our lock; the error is cluster.ErrLockLost if it is another's, or gone.
func (h *hold) own(ctx context.Context) (*api.Config, error) {
	c, err := h.holder(ctx)
	if err == nil && (c == nil || c.ID != h.id || c.Spec.Labels[labelToken] != h.token) {
		err = cluster.ErrLockLost
	}
	return c, err
}

// release gives the lock back.
func (h *hold) release(ctx context.Context) error {
	ctx, cancel := traffic.Detached(ctx)
	defer cancel()
	if err := h.engine.ConfigRemove(ctx, h.id); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("release the lock of stack %s: %w: the next command takes it over after %s", h.stack, err, staleAfter)
	}
	return nil
}

// notRenewedError is a lock that counts as lost: others may take it at any time.
type notRenewedError struct{ err error }

func (e *notRenewedError) Error() string {
	return fmt.Sprintf("the lock of the stack could not be renewed for %s, so that another command may take it: %v: run this command again", giveUpAfter, e.err)
}

func (e *notRenewedError) Unwrap() error { return e.err }

func (e *notRenewedError) Is(target error) bool { return target == cluster.ErrLockLost }

// moment is a time by both clocks of a machine: one stands still while the machine sleeps, the
// other can be set.
type moment struct{ steady, wall time.Time }

func now() moment {
	t := time.Now()
	return moment{t, t.Round(0)} // Round takes the steady clock away
}

// ago is how long ago it was, by the clock that says more.
func (m moment) ago() time.Duration {
	t := now()
	return max(t.steady.Sub(m.steady), t.wall.Sub(m.wall))
}
