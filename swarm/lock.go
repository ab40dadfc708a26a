package swarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Labels of the lock.
const (
	labelOwner   = "bluegreen.lock.owner"   // who, for people
	labelProcess = "bluegreen.lock.process" // which process, see thisProcess
	labelCommand = "bluegreen.lock.command"
	labelSince   = "bluegreen.lock.since" // RFC 3339
	labelBeat    = "bluegreen.lock.beat"  // counts up
)

// The owner of a lock shows every beatEvery that it lives; a lock that stood still for staleAfter
// has none.
const (
	beatEvery  = 10 * time.Second
	staleAfter = 30 * time.Second
)

// locked runs do while it holds the stack's lock: a config, whose create is atomic in the whole
// swarm.
func (o *Operator) locked(ctx context.Context, command string, timeout time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go o.ex.Listen(ctx)
	id, err := o.lock(ctx, command, timeout)
	if err == nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), o.unlock(ctx, id))
	}
	if ctx.Err() != nil {
		return &cluster.InterruptedError{Left: "nothing was done"}
	}
	if err != nil {
		return err
	}
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		o.beat(ctx, id, cancel)
	}()
	err = do(ctx)
	if lost := context.Cause(ctx); errors.Is(lost, cluster.ErrLockLost) && !errors.Is(err, lost) {
		err = errors.Join(lost, err)
	}
	cancel(nil)
	<-beating
	if late := o.unlock(ctx, id); late != nil { // what the command was for is done, or its error says more
		o.ex.Warn("", "lock", "%v", late)
	}
	return err
}

// lock takes the lock, and waits for it as long as another command holds it.
func (o *Operator) lock(ctx context.Context, command string, timeout time.Duration) (string, error) {
	began, seen, told := time.Now(), lockSeen{}, false
	for {
		created, err := o.ex.Engine.ConfigCreate(ctx, lockSpec(o.ex.Stack, command))
		switch {
		case err == nil:
			if told {
				o.ex.Done("", "lock", "the lock is free")
			}
			return created.ID, nil
		case !engine.Taken(err):
			return "", fmt.Errorf("take the lock of stack %s: %w", o.ex.Stack, engine.ManagerError(err))
		}
		holder, err := o.holder(ctx)
		if err != nil {
			return "", err
		}
		if holder == nil {
			continue // it was just removed
		}
		if why := seen.dead(*holder); why != "" {
			o.ex.Warn("", "lock", "taking over the lock of %s: %s", describe(*holder), why)
			if err := o.ex.Engine.ConfigRemove(ctx, holder.ID); err != nil && !engine.NotFound(err) {
				return "", fmt.Errorf("take the lock of stack %s over: %w", o.ex.Stack, err)
			}
			continue
		}
		if !told {
			told = true
			o.ex.Working("", "lock", "waiting for %s", describe(*holder))
		}
		if time.Since(began) > timeout {
			return "", fmt.Errorf("stack %s is locked by %s: wait for it, or give a longer --lock-timeout (now %s)", o.ex.Stack, describe(*holder), timeout)
		}
		if !o.ex.Pause(ctx) {
			return "", context.Cause(ctx)
		}
	}
}

// lockSeen remembers when a lock last changed, by our own clock: clocks of different machines
// differ.
type lockSeen struct {
	id      string
	version uint64
	since   time.Time
}

// dead says why a lock has no living owner; empty when it may have one.
func (l *lockSeen) dead(c api.Config) string {
	if c.ID != l.id || c.Version.Index != l.version {
		*l = lockSeen{id: c.ID, version: c.Version.Index, since: time.Now()}
	}
	switch {
	case processEnded(c.Spec.Labels[labelProcess]):
		return "its process has ended"
	case time.Since(l.since) > staleAfter:
		return fmt.Sprintf("it has stood still for %s", staleAfter)
	}
	return ""
}

func lockSpec(stack, command string) api.ConfigSpec {
	return api.ConfigSpec{
		Annotations: api.Annotations{Name: cluster.LockName(stack), Labels: map[string]string{
			cluster.LabelNamespace: cluster.Namespace(stack), cluster.LabelStack: stack, cluster.LabelRole: cluster.RoleLock,
			labelOwner: owner(), labelProcess: thisProcess(), labelCommand: command,
			labelSince: time.Now().UTC().Format(time.RFC3339), labelBeat: "0",
		}},
		Data: []byte("the lock of docker bluegreen\n"), // Swarm takes no config without data
	}
}

func describe(c api.Config) string {
	l := c.Spec.Labels
	return fmt.Sprintf("`%s` of %s, since %s", l[labelCommand], l[labelOwner], l[labelSince])
}

// holder returns the lock as it is now, nil when nobody holds it.
func (o *Operator) holder(ctx context.Context) (*api.Config, error) {
	configs, err := o.ex.Engine.ConfigList(ctx, api.ConfigListOptions{Filters: filters.NewArgs(filters.Arg("name", cluster.LockName(o.ex.Stack)))})
	if err != nil {
		return nil, fmt.Errorf("read the lock of stack %s: %w", o.ex.Stack, err)
	}
	for _, c := range configs {
		if c.Spec.Name == cluster.LockName(o.ex.Stack) { // the filter takes prefixes
			return &c, nil
		}
	}
	return nil, nil
}

// beat shows that we live until ctx ends, and ends everything when the lock is not ours any more.
func (o *Operator) beat(ctx context.Context, id string, lost context.CancelCauseFunc) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	last := time.Now()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c, err := o.holder(ctx)
		if err == nil && (c == nil || c.ID != id) {
			lost(cluster.ErrLockLost)
			return
		}
		if err == nil {
			c.Spec.Labels[labelBeat] = fmt.Sprint(n)
			err = o.ex.Engine.ConfigUpdate(ctx, id, c.Version, c.Spec)
		}
		if err == nil {
			last = time.Now()
		} else if time.Since(last) > staleAfter-beatEvery/2 {
			lost(cluster.ErrLockLost) // by the next beat others may rightly think us dead
			return
		}
	}
}

func (o *Operator) unlock(ctx context.Context, id string) error {
	ctx, cancel := traffic.Detached(ctx)
	defer cancel()
	if err := o.ex.Engine.ConfigRemove(ctx, id); err != nil && !engine.NotFound(err) {
		return fmt.Errorf("release the lock of stack %s: %w: the next command takes it over after %s", o.ex.Stack, err, staleAfter)
	}
	return nil
}
