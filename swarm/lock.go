package swarm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Labels of the lock.
const (
	labelOwner   = "bluegreen.lock.owner"   // who, for people
	labelProcess = "bluegreen.lock.process" // which process, see thisProcess
	labelToken   = "bluegreen.lock.token"   // which command, by chance
	labelCommand = "bluegreen.lock.command"
	labelSince   = "bluegreen.lock.since" // RFC 3339
	labelBeat    = "bluegreen.lock.beat"  // counts up
	labelOpen    = "bluegreen.lock.open"  // what its owner waits for, if others may come in between
)

// The owner of a lock shows every beatEvery that it lives; a lock that was seen to stand still for
// staleAfter has none. Who has not looked for gapAfter has not seen that.
const (
	beatEvery  = 10 * time.Second
	staleAfter = 30 * time.Second
	gapAfter   = 10 * time.Second
)

// locked runs do while it holds the stack's lock: a config, whose create is atomic in the whole
// swarm. Without the lock nothing is written.
func (o *Operator) locked(ctx context.Context, command string, timeout time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	o.ex.Author.Command = strings.TrimPrefix(command, "docker bluegreen ")
	go o.ex.Listen(ctx)
	h, err := o.lock(ctx, command, timeout)
	if err == nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), h.release(ctx))
	}
	if ctx.Err() != nil {
		left := "nothing was done"
		if h != nil && h.found != nil {
			left = fmt.Sprintf("the command that waited while %s ends, and no more was done", h.found)
		}
		return &cluster.InterruptedError{Left: left}
	}
	if err != nil {
		return err
	}
	o.ex.Fence(h.mayWrite)
	o.found = h.found
	o.ex.Open = func(ctx context.Context, tests map[string]cluster.Tested) (func(context.Context) error, error) {
		return h.open(ctx, tests, cancel)
	}
	defer func() { o.ex.Open = nil }()
	beats, stop := context.WithCancel(context.WithoutCancel(ctx)) // what an interruption leaves to do is done with the lock
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		h.beat(beats, cancel)
	}()
	err = do(ctx)
	stop()
	<-beating
	lost := h.lostBy() // then the fence stays closed
	switch {
	case lost == nil:
		o.ex.Fence(nil)
	case err == nil: // what was to do is done, and was written in time
		o.ex.Warn("", "lock", "the lock of the stack was lost at the end, when all was done")
	case !errors.Is(err, cluster.ErrLockLost):
		err = errors.Join(lost, err)
	}
	if silent := new(notRenewedError); lost != nil && !errors.As(lost, &silent) {
		return err // it is another's
	}
	if late := h.release(ctx); late != nil { // what the command was for is done, or its error says more
		o.ex.Warn("", "lock", "%v", late)
	}
	return err
}

// lock takes the lock, and waits for it as long as another command holds it.
func (o *Operator) lock(ctx context.Context, command string, timeout time.Duration) (*hold, error) {
	began, seen, told := time.Now(), lockSeen{}, false
	h := &hold{engine: o.ex.Unfenced(), stack: o.ex.Stack, token: rand.Text(), soon: make(chan struct{}, 1)}
	for {
		h.shown = now()
		created, err := h.engine.ConfigCreate(ctx, lockSpec(h.stack, command, h.token))
		switch {
		case err == nil:
			if told {
				o.ex.Done("", "lock", "the lock is free")
			}
			h.id = created.ID
			return h, nil
		case !engine.Taken(err):
			return h, fmt.Errorf("take the lock of stack %s: %w", h.stack, engine.ManagerError(err))
		}
		h.found = nil // somebody else was faster: what was found may not be so any more
		holder, err := h.holder(ctx)
		if err != nil {
			return nil, err
		}
		if holder == nil {
			continue // it was just removed
		}
		tests := opened(*holder)
		if cutsIn(command) && tests != nil {
			taken, err := h.takeOver(ctx, *holder, command)
			if err != nil {
				return nil, fmt.Errorf("take the lock of stack %s over: %w", h.stack, err)
			}
			if taken {
				h.found = tests
				o.ex.Done("", "lock", "coming in between %s, while %s", describe(*holder), tests)
			}
			continue
		}
		if why := seen.dead(*holder); why != "" {
			o.ex.Warn("", "lock", "taking over the lock of %s: %s", describe(*holder), why)
			if _, err := h.takeOver(ctx, *holder, command); err != nil {
				return nil, fmt.Errorf("take the lock of stack %s over: %w", h.stack, err)
			}
			continue
		}
		if !told {
			told = true
			o.ex.Working("", "lock", "waiting for %s", describe(*holder))
		}
		if time.Since(began) > timeout {
			return nil, fmt.Errorf("stack %s is locked by %s: wait for it, or give a longer --lock-timeout (now %s)", h.stack, describe(*holder), timeout)
		}
		if !o.ex.Pause(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

// takeOver removes a lock that has no living owner, or that is open, and says whether it did. First
// it writes itself down as the owner, over the version that was seen to stand still: this fails if
// the owner lives after all, and of several commands only one succeeds. The next lock is a new
// config, so that whatever the former owner does late with the id of the old one does not touch it.
func (h *hold) takeOver(ctx context.Context, dead api.Config, command string) (taken bool, err error) {
	spec := dead.Spec
	spec.Labels = lockSpec(h.stack, command, h.token).Labels
	err = h.engine.ConfigUpdate(ctx, dead.ID, dead.Version, spec)
	switch {
	case err != nil && (engine.OutOfSequence(err) || engine.NotFound(err)):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := h.engine.ConfigRemove(ctx, dead.ID); err != nil && !engine.NotFound(err) {
		return true, err
	}
	return true, nil
}

// lockSeen remembers since when a lock has been seen not to change, by our own clocks: those of
// different machines differ.
type lockSeen struct {
	id      string
	version uint64
	since   moment
	last    moment // when we looked last
}

// dead says why a lock has no living owner; empty when it may have one. While nobody could look, as
// when the manager had no leader, the owner could not show either that it lives.
func (l *lockSeen) dead(c api.Config) string {
	if c.ID != l.id || c.Version.Index != l.version || l.last.ago() > gapAfter {
		*l = lockSeen{id: c.ID, version: c.Version.Index, since: now()}
	}
	l.last = now()
	switch {
	case processEnded(c.Spec.Labels[labelProcess]):
		return "its process has ended"
	case l.since.ago() > staleAfter:
		return fmt.Sprintf("it has stood still for %s", staleAfter)
	}
	return ""
}

func lockSpec(stack, command, token string) api.ConfigSpec {
	return api.ConfigSpec{
		Annotations: api.Annotations{Name: cluster.LockName(stack), Labels: map[string]string{
			cluster.LabelNamespace: cluster.Namespace(stack), cluster.LabelStack: stack, cluster.LabelRole: cluster.RoleLock,
			labelOwner: owner(), labelProcess: thisProcess(), labelToken: token, labelCommand: command,
			labelSince: time.Now().UTC().Format(time.RFC3339), labelBeat: "0",
		}},
		Data: []byte("the lock of docker bluegreen\n"), // Swarm takes no config without data
	}
}

// verb is the command that took a lock, as a person types it: up.
func verb(c api.Config) string {
	return strings.TrimPrefix(c.Spec.Labels[labelCommand], "docker bluegreen ")
}

func describe(c api.Config) string {
	l := c.Spec.Labels
	return fmt.Sprintf("`%s` of %s, since %s", l[labelCommand], l[labelOwner], l[labelSince])
}

// holder returns the lock as it is now, nil when nobody holds it.
func (h *hold) holder(ctx context.Context) (*api.Config, error) {
	configs, err := h.engine.ConfigList(ctx, api.ConfigListOptions{Filters: filters.NewArgs(filters.Arg("name", cluster.LockName(h.stack)))})
	if err != nil {
		return nil, fmt.Errorf("read the lock of stack %s: %w", h.stack, err)
	}
	for _, c := range configs {
		if c.Spec.Name == cluster.LockName(h.stack) { // the filter takes prefixes
			return &c, nil
		}
	}
	return nil, nil
}
