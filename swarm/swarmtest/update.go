package swarmtest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// monitorTime is how long a new task is watched when the spec does not say.
const monitorTime = 5 * time.Second

// update is an update of the tasks of a service, or a rollback.
type update struct {
	svc       *service
	spec      api.ServiceSpec
	config    api.UpdateConfig
	rollsBack bool
	slots     int
	failures  int
	stopped   bool // by failures
}

// beginUpdate replaces the tasks in places, unless an update does so already, or was paused. One
// that works for the same spec goes on, even if it was paused and only ends what it has begun.
func (s *Swarm) beginUpdate(svc *service, places []string) {
	st := svc.UpdateStatus
	if svc.updating != nil && same(svc.updating.spec, svc.Spec) {
		return
	}
	svc.updating = nil
	if st != nil && (st.State == api.UpdateStatePaused || st.State == api.UpdateStateRollbackPaused) {
		return
	}
	rollsBack := st != nil && st.State == api.UpdateStateRollbackStarted
	config := svc.Spec.UpdateConfig
	if rollsBack {
		config = svc.Spec.RollbackConfig
	}
	u := &update{svc: svc, spec: deep(svc.Spec), rollsBack: rollsBack, slots: len(places)}
	if u.config.Parallelism = 1; config != nil {
		u.config = *config
	}
	if u.config.Monitor == 0 {
		u.config.Monitor = monitorTime
	}
	switch {
	case len(places) == 0 && rollsBack:
		s.complete(u)
	case len(places) > 0:
		if st == nil {
			svc.UpdateStatus = &api.UpdateStatus{State: api.UpdateStateUpdating, StartedAt: new(time.Now()), Message: "update in progress"}
			s.written(svc)
		}
		svc.updating = u
		go s.run(u, places)
	}
}

// run replaces the tasks in places, so many at once as the config says, and watches what it made a
// while longer.
func (s *Swarm) run(u *update, places []string) {
	workers := int(u.config.Parallelism)
	if workers == 0 {
		workers = len(places)
	}
	queue := make(chan string)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for p := range queue {
				if s.replace(u, p) {
					time.Sleep(u.config.Delay)
				}
			}
		})
	}
	for _, p := range places {
		queue <- p
	}
	close(queue)
	all.Wait()
	s.mu.Lock()
	over := s.over(u)
	s.mu.Unlock()
	if !over {
		time.Sleep(u.config.Monitor)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over(u) {
		s.complete(u)
	}
	if u.svc.updating == u {
		u.svc.updating = nil
	}
}

// over says whether an update replaces nothing more.
func (s *Swarm) over(u *update) bool { return u.stopped || s.superseded(u) }

func (s *Swarm) superseded(u *update) bool {
	return u.svc.updating != u || s.services[u.svc.ID] != u.svc
}

// complete notes that an update has ended. After a write with the same spec there is no status.
func (s *Swarm) complete(u *update) {
	st := u.svc.UpdateStatus
	if st == nil {
		return
	}
	st.State, st.Message = api.UpdateStateCompleted, "update completed"
	if u.rollsBack {
		st.State, st.Message = api.UpdateStateRollbackCompleted, "rollback completed"
	}
	st.CompletedAt = new(time.Now())
	s.written(u.svc)
}

// replace puts a new task in the place of an old one, before or after it has ended. It returns
// false when there is nothing to replace any more.
func (s *Swarm) replace(u *update, place string) bool {
	startFirst := u.config.Order == api.UpdateOrderStartFirst
	s.mu.Lock()
	old := s.slot(u.svc, place)
	if s.over(u) || !s.isSlotDirty(old) {
		s.mu.Unlock()
		return false
	}
	i := slices.IndexFunc(old, func(t *task) bool { return !s.isDirty(t) && t.DesiredState == api.TaskStateRunning })
	if i < 0 {
		i = slices.IndexFunc(old, func(t *task) bool { return !s.isDirty(t) })
	}
	if i >= 0 {
		next := old[i]
		rest := slices.Delete(old, i, i+1)
		s.endAll(rest)
		s.mu.Unlock()
		s.allowAfter(next, rest)
		return true
	}
	next := s.start(u.svc, place, api.TaskStateReady)
	next.update = u
	if startFirst {
		s.allow(next)
	} else {
		s.endAll(old)
		go s.allowAfter(next, old)
	}
	s.mu.Unlock()
	s.await(func() bool { return next.Status.State == api.TaskStateRunning || ended(next) || s.superseded(u) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if startFirst && next.Status.State == api.TaskStateRunning && !s.superseded(u) {
		s.endAll(old)
	}
	return true
}

// allowAfter lets a task start that was only to be made ready, once those that it replaces have
// ended or are lost. As in swarmkit this outlives the update: a task that is clean in the eyes of
// the next update is left alone by it.
func (s *Swarm) allowAfter(t *task, old []*task) {
	s.await(func() bool {
		return !slices.ContainsFunc(old, func(t *task) bool { return !ended(t) && s.isUp(t.NodeID) })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.allow(t)
}

func (s *Swarm) endAll(tasks []*task) {
	for _, t := range tasks {
		s.end(t, api.TaskStateShutdown)
	}
}

// failed counts a task that an update made and that has ended by itself; too many pause the update,
// or roll it back.
func (s *Swarm) failed(t *task) {
	u := t.update
	if u == nil || s.over(u) || !t.since.IsZero() && time.Since(t.since) > u.config.Monitor {
		return
	}
	u.failures++
	if float32(u.failures)/float32(u.slots) <= u.config.MaxFailureRatio || u.config.FailureAction == api.UpdateFailureActionContinue {
		return
	}
	st, svc := u.svc.UpdateStatus, u.svc
	if u.stopped = true; st == nil {
		return // it was written again with the same spec: this one only ends
	}
	cause := fmt.Sprintf("due to failure or early termination of task %s", t.ID)
	switch {
	case u.rollsBack && u.config.FailureAction == api.UpdateFailureActionRollback: // never twice
		st.State, st.Message = api.UpdateStateRollbackPaused, "rollback paused "+cause
	case u.rollsBack:
		st.State, st.Message = api.UpdateStateRollbackPaused, "update paused "+cause
	case u.config.FailureAction == api.UpdateFailureActionRollback && svc.PreviousSpec != nil:
		st.State, st.Message = api.UpdateStateRollbackStarted, "update rolled back "+cause
		svc.Spec, svc.PreviousSpec = *svc.PreviousSpec, nil
		svc.iteration++
		go s.reconcile(svc, svc.iteration)
	default:
		st.State, st.Message = api.UpdateStatePaused, "update paused "+cause
	}
	s.written(svc)
}
