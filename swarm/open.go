package swarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// A command that does no more than wait for the jobs that test a release opens its lock: it writes
// down what it waits for, and another command may take the lock over at once. The first one sees
// that within openEvery, and ends. Before it writes anything again, it closes the lock; that fails
// if another command has it by then.

// openEvery is how often the owner of an open lock looks whether it still has it.
const openEvery = 500 * time.Millisecond

// cutIn are the commands that take an open lock over. The others wait for it: an up would bring
// another release, and promote has nothing to do before the tests have passed.
var cutIn = map[string]bool{
	string(plan.Rollback): true, string(plan.FlipTo): true, string(plan.Canary): true,
	string(plan.Pause): true, string(plan.Resume): true, string(plan.Maintain): true, string(plan.Live): true,
}

// underTest is what the owner of an open lock waits for, by service.
type underTest map[string]cluster.Tested

// opened is what the owner of a lock waits for; nil if the lock is not open.
func opened(c api.Config) underTest {
	var t underTest
	if text := c.Spec.Labels[labelOpen]; text == "" || json.Unmarshal([]byte(text), &t) != nil {
		return nil
	}
	return t
}

func (t underTest) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		parts = append(parts, fmt.Sprintf("%s tests release %d of %s", t[name].Job, t[name].Release, name))
	}
	return cluster.Sentence(parts)
}

// open lets other commands come in between, until the function that it returns has closed the lock
// again.
func (h *hold) open(ctx context.Context, tests map[string]cluster.Tested, end context.CancelCauseFunc) (shut func(context.Context) error, err error) {
	h.setOpen(tests)
	err = h.relabel(ctx, string(cluster.MustJSON(tests)))
	if errors.Is(err, cluster.ErrLockLost) {
		return nil, h.loses(ctx, err, end)
	}
	// After any other error it may be open all the same: it has to be closed.
	watching, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.keepWatch(watching, end)
	}()
	return func(ctx context.Context) error {
		stop()
		<-ended
		err := h.relabel(ctx, "")
		if errors.Is(err, cluster.ErrLockLost) {
			return h.loses(ctx, err, end)
		}
		if err == nil {
			h.setOpen(nil)
		}
		return err
	}, nil
}

// keepWatch ends the command when another one has the lock.
func (h *hold) keepWatch(ctx context.Context, end context.CancelCauseFunc) {
	tick := time.NewTicker(openEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := h.own(ctx); errors.Is(err, cluster.ErrLockLost) {
			_ = h.loses(ctx, err, end) // the command ends with it
			return
		}
	}
}

// takenBy is the error for a lock that another command has taken while it was open.
func (h *hold) takenBy(ctx context.Context, tests underTest) error {
	e := &TestCutInError{tests: tests, by: "another command"}
	if c, err := h.holder(ctx); err == nil && c != nil && c.Spec.Labels[labelToken] != h.token {
		e.by = describe(*c)
	}
	return e
}

// relabel writes what the owner waits for, over what was read; empty for nothing.
func (h *hold) relabel(ctx context.Context, text string) error {
	for {
		c, err := h.own(ctx)
		if err != nil {
			return err
		}
		if c.Spec.Labels[labelOpen] = text; text == "" {
			delete(c.Spec.Labels, labelOpen)
		}
		if err = h.engine.ConfigUpdate(ctx, h.id, c.Version, c.Spec); err == nil || !engine.OutOfSequence(err) && !engine.NotFound(err) {
			return err
		}
	}
}

func (h *hold) setOpen(tests underTest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.openFor = tests
}

// loses ends the command, since the lock is not ours any more, and returns why.
func (h *hold) loses(ctx context.Context, err error, end context.CancelCauseFunc) error {
	h.mu.Lock()
	tests := h.openFor
	h.mu.Unlock()
	if tests != nil {
		err = h.takenBy(ctx, tests)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lost == nil {
		h.lost = err
	}
	end(h.lost)
	return h.lost
}

// TestCutInError says that another command has come in between while jobs tested a release.
type TestCutInError struct {
	tests underTest
	by    string
}

func (e *TestCutInError) Error() string {
	return fmt.Sprintf("%s came in between while %s: this command ends here: see `docker bluegreen status`, and run it again to go on", e.by, e.tests)
}

// Is says that the lock is another's by now.
func (e *TestCutInError) Is(target error) bool { return target == cluster.ErrLockLost }

// cutsIn says whether a command may take a lock over that is open.
func cutsIn(command string) bool { return cutIn[strings.TrimPrefix(command, "docker bluegreen ")] }
