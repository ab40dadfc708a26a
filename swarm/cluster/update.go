package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

const (
	// askTime is how often a wait looks at the status of an update, and how long the tasks of a
	// paused one must have run at least before it is written again.
	askTime = 3 * time.Second
	// maxResumes is how often that is done until one task more runs.
	maxResumes = 3
)

// Paused is why Swarm has paused the last update or rollback of a service, empty if it has not.
func Paused(svc api.Service) string {
	st := svc.UpdateStatus
	if st == nil || st.State != api.UpdateStatePaused && st.State != api.UpdateStateRollbackPaused {
		return ""
	}
	if !strings.Contains(st.Message, "paused") {
		return strings.TrimSpace("update paused: " + st.Message)
	}
	return st.Message
}

// Rolling says whether Swarm is replacing tasks of a service, or watches those that it made.
func Rolling(svc api.Service) bool {
	st := svc.UpdateStatus
	return st != nil && (st.State == api.UpdateStateUpdating || st.State == api.UpdateStateRollbackStarted)
}

// RolledBack says whether the last that happened to the tasks of a service was a rollback, by Swarm
// or by hand.
func RolledBack(svc api.Service) bool {
	st := svc.UpdateStatus
	return st != nil && slices.Contains([]api.UpdateState{api.UpdateStateRollbackStarted, api.UpdateStateRollbackPaused,
		api.UpdateStateRollbackCompleted}, st.State)
}

// follower looks after the update of a service while a command waits for its tasks. Swarm pauses an
// update or rolls it back when new tasks fail, and then does no more for the spec that was written.
type follower struct {
	cl  *Cluster
	rec *Record
	w   Waiting
	// best is how far each slot has come, last is when that was more than before.
	best map[string]int
	last time.Time
	// settled are the tasks of the current spec while all run, since then or since the update was
	// written again; asked is when the status was looked at last.
	settled      []string
	since, asked time.Time
	// resumed is how often the update was written again since ran tasks of it run.
	resumed, ran int
	paused       string    // why, as it was seen last
	failing      time.Time // since when too many tasks of a slot have failed
}

// mayRollBack says of a service of which too many tasks have failed that Swarm may be about to roll
// it back: then that is what is to be told.
func (f *follower) mayRollBack() bool {
	c := f.w.Svc.Spec.UpdateConfig
	if c == nil || c.FailureAction != api.UpdateFailureActionRollback || !f.updates() {
		return false
	}
	if f.failing.IsZero() {
		f.failing, f.asked = time.Now(), time.Time{}
	}
	return time.Since(f.failing) < 2*askTime
}

func (cl *Cluster) follow(rec *Record, w Waiting) *follower {
	return &follower{cl: cl, rec: rec, w: w, best: map[string]int{}, last: time.Now()}
}

// updates says whether the service can have an update: one that was never written has none, nor has
// a color, whose tasks end before there are others.
func (f *follower) updates() bool {
	svc := f.w.Svc
	return svc.Spec.Labels[LabelRole] != RoleColor && (svc.PreviousSpec != nil || svc.UpdateStatus != nil)
}

// patience is how long a wait may make no progress: an update makes none in the pauses that
// update_config asks for.
func (f *follower) patience() time.Duration {
	if c := f.w.Svc.Spec.UpdateConfig; c != nil && f.updates() {
		return max(f.w.Timeout, c.Delay+c.Monitor+2*askTime)
	}
	return f.w.Timeout
}

// progress notes how far the tasks of the current spec have come. A wait that has made none for too
// long ends with an error that says what it lacks.
func (f *follower) progress(ctx context.Context, current []api.Task, lacks string) error {
	if Advanced(f.best, current) {
		f.last = time.Now()
		return nil
	}
	if time.Since(f.last) <= f.patience() {
		return nil
	}
	cause := fmt.Sprintf("no progress for %s: %s", f.patience(), lacks)
	if f.paused != "" {
		cause += ". Swarm paused the update: " + f.paused
	}
	return f.cl.Unhealthy(ctx, f.rec, f.w, cause, Newest(current))
}

// goesOn sees that an update of which tasks are still to come does not stand still: one that is
// paused is written again, with the same spec, and Swarm replaces what is left. That waits until
// all tasks that it made have run as long as Swarm watches new ones: a version that fails must not
// take the place of more tasks.
//
// Swarm takes a write with the same spec for the update that it works at, and that ends its pauses
// first: then the service has no status, and is written once more.
func (f *follower) goesOn(ctx context.Context, look Look, current []api.Task) error {
	f.settle(current)
	if !f.updates() || time.Since(f.asked) < askTime {
		return nil
	}
	svc, err := look.Service(ctx, f.w.Svc.ID)
	if err != nil {
		return err
	}
	f.asked = time.Now()
	if err := f.wasRolledBack(ctx, look, *svc); err != nil {
		return err
	}
	f.paused = Paused(*svc)
	watch := askTime
	if c := f.w.Svc.Spec.UpdateConfig; c != nil {
		watch = max(watch, c.Monitor) + c.Delay
	}
	if f.paused == "" && svc.UpdateStatus != nil || len(f.settled) == 0 || time.Since(f.since) < watch {
		return nil
	}
	if len(f.settled) > f.ran {
		f.resumed, f.ran = 0, len(f.settled)
	}
	if f.resumed == maxResumes {
		return nil // the wait has an end of its own
	}
	f.resumed++
	if f.paused != "" {
		f.cl.Warn(f.w.Service, f.w.Step, "Swarm paused the update, and it goes on now: %s", f.paused)
	}
	_, err = f.cl.Rewrite(ctx, svc, func(*api.ServiceSpec) error { return nil })
	f.since = time.Now()
	return err
}

// settle notes since when all tasks of the current spec have been running.
func (f *follower) settle(current []api.Task) {
	var now []string
	if !slices.ContainsFunc(current, func(t api.Task) bool { return Wanted(t) && t.Status.State != api.TaskStateRunning }) {
		now = TaskIDs(RunningTasks(current))
	}
	if !slices.Equal(now, f.settled) {
		f.settled, f.since = now, time.Now()
	}
}

// wasRolledBack is the error for a service that Swarm has given its earlier spec again since it was
// written.
func (f *follower) wasRolledBack(ctx context.Context, look Look, svc api.Service) error {
	if !RolledBack(svc) || RolledBack(*f.w.Svc) {
		return nil
	}
	failed, err := f.failed(ctx, look)
	if err != nil {
		return err
	}
	var what string
	switch st := svc.UpdateStatus; st.State {
	case api.UpdateStateRollbackStarted:
		what = "Swarm is rolling it back to its earlier version: " + st.Message
	case api.UpdateStateRollbackPaused:
		what = "Swarm began to roll it back, and paused with tasks of both versions: " + st.Message
	default:
		what = "Swarm rolled it back to its earlier version"
	}
	return f.cl.Unhealthy(ctx, f.rec, f.w, what+". Correct the service and run `docker bluegreen up` again", failed)
}

// checked is wasRolledBack with a look at the service, which a service without updates does not
// need.
func (f *follower) checked(ctx context.Context, look Look) error {
	if !f.updates() {
		return nil
	}
	svc, err := look.Service(ctx, f.w.Svc.ID)
	if err != nil {
		return err
	}
	return f.wasRolledBack(ctx, look, *svc)
}

// failed are the tasks that failed last since the service was written, newest first.
func (f *follower) failed(ctx context.Context, look Look) ([]api.Task, error) {
	all, err := look.Tasks(ctx, f.w.Svc.ID)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all[f.w.Svc.ID], func(t api.Task) bool { return !failedSince(t, f.w.Svc.UpdatedAt) })
	SortBy(list, func(a, b *api.Task) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return list[:min(len(list), MaxFailures)], nil
}

// AwaitReplaced returns when no task of an earlier spec is wanted any more, and Swarm watches none
// of the new ones for its update_config. The error is an *UnhealthyError, unless ctx ended.
func (cl *Cluster) AwaitReplaced(ctx context.Context, rec *Record, w Waiting) error {
	f := cl.follow(rec, w)
	if !f.updates() {
		return nil
	}
	for look := cl.Now(); ; look = cl.Next() {
		svc, err := look.Service(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		if err := f.wasRolledBack(ctx, look, *svc); err != nil {
			return err
		}
		all, err := look.Tasks(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		current, err := look.CurrentTasks(ctx, w.Svc.ID)
		if err != nil {
			return err
		}
		old := earlier(all[w.Svc.ID], current)
		if old == 0 && Paused(*svc) == "" && !Rolling(*svc) {
			return nil
		}
		if failed := Failures(w.Svc, current); len(failed) > 0 {
			return cl.Unhealthy(ctx, rec, w, SlotFailed(len(failed)), failed)
		}
		if err := f.progress(ctx, current, lacking(old)); err != nil {
			return err
		}
		if err := f.goesOn(ctx, look, current); err != nil {
			return err
		}
	}
}

func lacking(old int) string {
	if old > 0 {
		return "earlier tasks still run"
	}
	return "Swarm's update has not ended"
}

// earlier is how many of all tasks are not of the current spec, and are still wanted.
func earlier(all, current []api.Task) int {
	now := TaskIDs(current)
	return len(slices.DeleteFunc(slices.Clone(all), func(t api.Task) bool {
		return !Wanted(t) || Ended(t) || slices.Contains(now, t.ID)
	}))
}
