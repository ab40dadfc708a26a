package swarmtest

import (
	"slices"
	"strconv"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

func isJob(spec api.ServiceSpec) bool {
	return spec.Mode.ReplicatedJob != nil || spec.Mode.GlobalJob != nil
}

func isGlobal(spec api.ServiceSpec) bool {
	return spec.Mode.Global != nil || spec.Mode.GlobalJob != nil
}

// replicas is how many tasks a replicated service is to have.
func replicas(spec api.ServiceSpec) int {
	if m := spec.Mode.Replicated; m != nil && m.Replicas != nil {
		return int(*m.Replicas)
	}
	return 1
}

// concurrent is how many tasks of a job run at once.
func concurrent(spec api.ServiceSpec) int {
	if m := spec.Mode.ReplicatedJob; m != nil && m.MaxConcurrent != nil {
		return int(*m.MaxConcurrent)
	}
	return 1
}

// completions is how many tasks of a job must complete.
func completions(spec api.ServiceSpec) int {
	if m := spec.Mode.ReplicatedJob; m != nil && m.TotalCompletions != nil {
		return int(*m.TotalCompletions)
	}
	return concurrent(spec)
}

// goal is the state that a task of a service is to reach.
func goal(spec api.ServiceSpec) api.TaskState {
	if isJob(spec) {
		return api.TaskStateComplete
	}
	return api.TaskStateRunning
}

// slot are the tasks that hold a place: those that are wanted, and without any the newest, if its
// restart_policy makes no other.
func (s *Swarm) slot(svc *service, place string) []*task {
	var held []*task
	var newest *task
	for _, t := range s.tasks {
		switch {
		case t.service != svc || t.place != place || t.DesiredState == api.TaskStateRemove:
		case wanted(t):
			held = append(held, t)
		default:
			newest = t
		}
	}
	rollsBack := svc.UpdateStatus != nil && svc.UpdateStatus.State == api.UpdateStateRollbackStarted
	if len(held) == 0 && newest != nil && ended(newest) && !rollsBack && !mayRestart(newest) {
		return []*task{newest}
	}
	return held
}

// places are where tasks of a service are to stand: slots, or nodes.
func (s *Swarm) places(svc *service) []string {
	var out []string
	if isGlobal(svc.Spec) {
		for _, n := range s.nodes {
			holds := s.open(n) || s.isUp(n.ID) && n.Spec.Availability != api.NodeAvailabilityDrain && len(s.slot(svc, n.ID)) > 0
			if holds && meets(n, constraints(svc.Spec.TaskTemplate)) {
				out = append(out, n.ID)
			}
		}
		return out
	}
	for _, t := range s.tasks {
		if t.service == svc && !slices.Contains(out, t.place) && len(s.slot(svc, t.place)) > 0 {
			out = append(out, t.place)
		}
	}
	n := replicas(svc.Spec)
	if len(out) > n {
		return s.kept(svc, out)[:n]
	}
	for i := 1; len(out) < n; i++ {
		if p := strconv.Itoa(i); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// kept sorts places by which Swarm keeps when there are to be fewer: those that run, and of these
// the first of each node.
func (s *Swarm) kept(svc *service, places []string) []string {
	rank, on := map[string]int{}, map[string]int{}
	for _, p := range places {
		t := s.slot(svc, p)[0]
		if rank[p] = 1 << 20; t.Status.State == api.TaskStateRunning {
			on[t.NodeID]++
			rank[p] = on[t.NodeID]
		}
	}
	slices.SortStableFunc(places, func(a, b string) int { return rank[a] - rank[b] })
	return places
}

// reconcile brings a service to its spec: what has no place any more ends, places without a task
// get one, and tasks of an earlier spec are replaced as update_config says.
func (s *Swarm) reconcile(svc *service, iteration int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if svc.iteration != iteration || s.services[svc.ID] != svc {
		return
	}
	if isJob(svc.Spec) {
		s.reconcileJob(svc)
		return
	}
	places := s.places(svc)
	gone := api.TaskStateRemove
	if isGlobal(svc.Spec) {
		gone = api.TaskStateShutdown
	}
	for _, t := range slices.Clone(s.tasks) {
		if t.service == svc && !slices.Contains(places, t.place) {
			s.end(t, gone)
		}
	}
	var dirty []string
	for _, p := range places {
		switch held := s.slot(svc, p); {
		case len(held) == 0:
			s.start(svc, p, api.TaskStateRunning)
		case s.isSlotDirty(held):
			dirty = append(dirty, p)
		}
	}
	s.beginUpdate(svc, dirty)
}

// reconcileJob starts the tasks of a job's run that are still needed, and ends those of an earlier
// run.
func (s *Swarm) reconcileJob(svc *service) {
	var done, running int
	used := map[string]bool{}
	for _, t := range slices.Clone(s.tasks) {
		switch {
		case t.service != svc:
		case t.JobIteration.Index != svc.JobStatus.JobIteration.Index:
			if !ended(t) {
				s.end(t, api.TaskStateRemove)
			}
		case t.Status.State == api.TaskStateComplete:
			done++
			used[t.place] = true
		case wanted(t) || !mayRestart(t):
			running++
			used[t.place] = true
		}
	}
	if svc.Spec.Mode.GlobalJob != nil {
		for _, n := range s.eligible(svc.Spec.TaskTemplate) {
			if !used[n.ID] {
				s.start(svc, n.ID, api.TaskStateComplete)
			}
		}
		return
	}
	missing := min(completions(svc.Spec)-done-running, concurrent(svc.Spec)-running)
	for i := 0; missing > 0; i++ {
		if p := strconv.Itoa(i); !used[p] {
			s.start(svc, p, api.TaskStateComplete)
			missing--
		}
	}
}

// mayRestart says whether the restart_policy makes another task after one that has ended.
func mayRestart(t *task) bool {
	p := t.Spec.RestartPolicy
	switch {
	case p == nil:
		return true
	case p.Condition == api.RestartPolicyConditionNone,
		p.Condition == api.RestartPolicyConditionOnFailure && t.Status.State == api.TaskStateComplete:
		return false
	}
	return p.MaxAttempts == nil || *p.MaxAttempts == 0 || t.restarts < *p.MaxAttempts
}

// restart puts another task in the place of one that has ended by itself, after a while.
func (s *Swarm) restart(t *task) {
	if !wanted(t) || s.services[t.ServiceID] != t.service {
		return
	}
	if isJob(t.service.Spec) && t.Status.State == api.TaskStateComplete {
		s.reconcileJob(t.service)
		return
	}
	t.DesiredState = api.TaskStateShutdown
	s.succeed(t)
}

// succeed puts another task in the place of one that has ended or is lost, after a while, where the
// restart_policy wants that.
func (s *Swarm) succeed(t *task) {
	if !mayRestart(t) {
		return
	}
	next := s.start(t.service, t.place, api.TaskStateReady)
	next.restarts = t.restarts + 1
	delay := 5 * time.Second
	if p := t.Spec.RestartPolicy; p != nil && p.Delay != nil {
		delay = *p.Delay
	}
	time.AfterFunc(delay, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.allow(next)
	})
}

// allow lets a task start that was only to be made ready.
func (s *Swarm) allow(t *task) {
	if t.DesiredState == api.TaskStateReady {
		t.DesiredState = goal(t.service.Spec)
		s.change()
	}
}
