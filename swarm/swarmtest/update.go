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
	iteration int
	config    api.UpdateConfig
	rollsBack bool
	slots     int
	failures  int
	stopped   bool // by failures
}

// beginUpdate replaces the tasks in places, unless an update does so already, or was paused.
func (s *Swarm) beginUpdate(svc *service, places []string) {
	st := svc.UpdateStatus
	paused := st != nil && (st.State == api.UpdateStatePaused || st.State == api.UpdateStateRollbackPaused)
	if paused || svc.updating != nil && svc.updating.iteration == svc.iteration {
		return
	}
	rollsBack := st != nil && st.State == api.UpdateStateRollbackStarted
	config := svc.Spec.UpdateConfig
	if rollsBack {
		config = svc.Spec.RollbackConfig
	}
	u := &update{svc: svc, iteration: svc.iteration, rollsBack: rollsBack, slots: len(places)}
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
				s.replace(u, p)
				time.Sleep(u.config.Delay)
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
	return u.svc.iteration != u.iteration || s.services[u.svc.ID] != u.svc
}

func (s *Swarm) complete(u *update) {
	st := u.svc.UpdateStatus
	st.State, st.Message = api.UpdateStateCompleted, "update completed"
	if u.rollsBack {
		st.State, st.Message = api.UpdateStateRollbackCompleted, "rollback completed"
	}
	st.CompletedAt = new(time.Now())
	s.written(u.svc)
}

// replace puts a new task in the place of an old one, before or after it has ended.
func (s *Swarm) replace(u *update, place string) {
	startFirst := u.config.Order == api.UpdateOrderStartFirst
	s.mu.Lock()
	old := s.slot(u.svc, place)
	if s.over(u) || !slices.ContainsFunc(old, s.isDirty) {
		s.mu.Unlock()
		return
	}
	if i := slices.IndexFunc(old, func(t *task) bool { return !s.isDirty(t) }); i >= 0 {
		s.allow(old[i])
		s.endAll(slices.Delete(old, i, i+1))
		s.mu.Unlock()
		return
	}
	next := s.start(u.svc, place, api.TaskStateReady)
	next.update = u
	if !startFirst {
		s.endAll(old)
		s.mu.Unlock()
		s.await(func() bool {
			return !slices.ContainsFunc(old, func(t *task) bool { return !ended(t) }) || s.superseded(u)
		})
		s.mu.Lock()
	}
	if !s.superseded(u) {
		s.allow(next)
	}
	s.mu.Unlock()
	s.await(func() bool { return next.Status.State == api.TaskStateRunning || ended(next) || s.superseded(u) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if startFirst && next.Status.State == api.TaskStateRunning && !s.superseded(u) {
		s.endAll(old)
	}
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
	u.stopped = true
	st, svc := u.svc.UpdateStatus, u.svc
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
