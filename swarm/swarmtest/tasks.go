package swarmtest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

func isJob(spec api.ServiceSpec) bool {
	return spec.Mode.ReplicatedJob != nil || spec.Mode.GlobalJob != nil
}

var order = []api.TaskState{
	api.TaskStateNew, api.TaskStatePending, api.TaskStateAssigned, api.TaskStateAccepted, api.TaskStatePreparing,
	api.TaskStateReady, api.TaskStateStarting, api.TaskStateRunning, api.TaskStateComplete,
}

func ended(t *task) bool {
	i := slices.Index(order, t.Status.State)
	return i < 0 || t.Status.State == api.TaskStateComplete
}

// wantedOf is how many tasks a service is to have.
func (s *Swarm) wantedOf(svc *service) int {
	switch m := svc.Spec.Mode; {
	case m.Replicated != nil && m.Replicated.Replicas != nil:
		return int(*m.Replicated.Replicas)
	case m.Replicated != nil, m.ReplicatedJob != nil:
		return 1
	}
	return len(s.eligible(svc))
}

// eligible are the nodes that tasks of a service may be on; of constraints there are those on ids
// and host names.
func (s *Swarm) eligible(svc *service) []*api.Node {
	var out []*api.Node
	for _, n := range s.nodes {
		ok := n.Status.State == api.NodeStateReady && n.Spec.Availability == api.NodeAvailabilityActive
		if p := svc.Spec.TaskTemplate.Placement; p != nil {
			for _, c := range p.Constraints {
				key, value, _ := strings.Cut(strings.ReplaceAll(c, " ", ""), "==")
				switch key {
				case "node.id":
					ok = ok && n.ID == value
				case "node.hostname":
					ok = ok && n.Description.Hostname == value
				}
			}
		}
		if ok {
			out = append(out, n)
		}
	}
	return out
}

// places are where tasks of a service stand: slots, or nodes.
func (s *Swarm) places(svc *service) []string {
	var out []string
	if svc.Spec.Mode.Global != nil || svc.Spec.Mode.GlobalJob != nil {
		for _, n := range s.eligible(svc) {
			out = append(out, n.ID)
		}
		return out
	}
	for i := range s.wantedOf(svc) {
		out = append(out, strconv.Itoa(i+1))
	}
	return out
}

// reconcile brings a service to its spec: what has no place any more ends, places without a task
// get one, and tasks of an earlier spec are replaced as update_config says.
func (s *Swarm) reconcile(svc *service, iteration int) {
	s.mu.Lock()
	if svc.iteration != iteration {
		s.mu.Unlock()
		return
	}
	places := s.places(svc)
	var stale []*task
	for _, t := range s.tasks {
		if t.service != svc || ended(t) || t.DesiredState != api.TaskStateRunning {
			continue
		}
		switch {
		case !slices.Contains(places, placeOf(t)):
			s.shutDown(t)
		case !isCurrent(t):
			stale = append(stale, t)
		}
	}
	began := false
	for _, p := range places {
		if !slices.ContainsFunc(s.tasks, func(t *task) bool {
			return t.service == svc && placeOf(t) == p && (t.DesiredState == api.TaskStateRunning && !ended(t) || isJob(svc.Spec) && isCurrent(t))
		}) {
			s.start(svc, p)
		}
	}
	if len(stale) > 0 {
		began = true
		svc.UpdateStatus = &api.UpdateStatus{State: api.UpdateStateUpdating, StartedAt: new(time.Now())}
	}
	config := svc.Spec.UpdateConfig
	s.mu.Unlock()
	startFirst := config != nil && config.Order == api.UpdateOrderStartFirst
	slices.SortFunc(stale, func(a, b *task) int { return strings.Compare(a.ID, b.ID) })
	for _, old := range stale {
		if !s.replace(svc, iteration, old, startFirst) {
			return
		}
	}
	if began {
		s.mu.Lock()
		defer s.mu.Unlock()
		if svc.iteration == iteration {
			svc.UpdateStatus.State, svc.Meta = api.UpdateStateCompleted, s.meta(svc.Meta)
		}
	}
}

// replace puts a new task in the place of an old one. It returns false when the update has ended.
func (s *Swarm) replace(svc *service, iteration int, old *task, startFirst bool) bool {
	s.mu.Lock()
	if svc.iteration != iteration {
		s.mu.Unlock()
		return false
	}
	if !startFirst {
		s.shutDown(old)
		s.mu.Unlock()
		s.await(func() bool { return ended(old) || svc.iteration != iteration })
		s.mu.Lock()
		if svc.iteration != iteration {
			s.mu.Unlock()
			return false
		}
	}
	next := s.start(svc, placeOf(old))
	s.mu.Unlock()
	s.await(func() bool {
		return next.Status.State == api.TaskStateRunning || ended(next) || svc.iteration != iteration
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case svc.iteration != iteration:
		return false
	case next.Status.State != api.TaskStateRunning:
		svc.UpdateStatus.State, svc.Meta = api.UpdateStatePaused, s.meta(svc.Meta)
		return false
	case startFirst:
		s.shutDown(old)
	}
	return true
}

// await returns when a condition holds.
func (s *Swarm) await(done func() bool) {
	for {
		s.mu.Lock()
		ok, changed := done(), s.changed
		s.mu.Unlock()
		if ok {
			return
		}
		<-changed
	}
}

func placeOf(t *task) string {
	if t.Slot > 0 {
		return strconv.Itoa(t.Slot)
	}
	return t.NodeID
}

// start makes a task in a place.
func (s *Swarm) start(svc *service, place string) *task {
	image := svc.Spec.TaskTemplate.ContainerSpec.Image
	app, ok := s.Apps[image]
	if !ok {
		app = s.Default
	}
	t := &task{service: svc, app: app, labels: deep(svc.Spec.Labels)}
	t.ID, t.Meta, t.ServiceID, t.Spec = s.id("task"), s.meta(api.Meta{}), svc.ID, deep(svc.Spec.TaskTemplate)
	t.DesiredState, t.Status = api.TaskStateRunning, api.TaskStatus{State: api.TaskStatePending, Timestamp: time.Now()}
	if svc.JobStatus != nil {
		t.JobIteration = new(svc.JobStatus.JobIteration)
	}
	if n, err := strconv.Atoi(place); err == nil {
		t.Slot = n
	} else {
		t.NodeID = place
	}
	s.tasks = append(s.tasks, t)
	go s.live(t)
	return t
}

// SetApp says how tasks of an image behave that are made from now on.
func (s *Swarm) SetApp(image string, app App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apps[image] = app
}

// shutDown tells a task to end.
func (s *Swarm) shutDown(t *task) {
	if ended(t) || t.DesiredState != api.TaskStateRunning {
		return
	}
	t.DesiredState = api.TaskStateShutdown
	s.change()
	go func() {
		time.Sleep(t.app.Stop)
		s.set(t, api.TaskStateShutdown, "")
	}()
}

// set moves a task on, unless it has ended.
func (s *Swarm) set(t *task, state api.TaskState, err string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended(t) {
		return false
	}
	t.Status.State, t.Status.Err, t.Status.Timestamp, t.Meta = state, err, time.Now(), s.meta(t.Meta)
	if state == api.TaskStateRunning {
		t.since = time.Now()
	}
	s.change()
	return true
}

// live takes a task from its node to its end.
func (s *Swarm) live(t *task) {
	s.mu.Lock()
	nodes := s.eligible(t.service)
	if len(nodes) == 0 {
		s.mu.Unlock()
		return // pending, until the service is written again
	}
	t.NodeID = cmp.Or(t.NodeID, nodes[(t.Slot+s.ids)%len(nodes)].ID)
	for _, a := range t.Spec.Networks {
		if n := s.networks[a.Target]; n != nil {
			s.hosts[n.ID]++
			subnet := strings.TrimSuffix(n.IPAM.Config[0].Subnet, "0/24")
			t.NetworksAttachments = append(t.NetworksAttachments, api.NetworkAttachment{
				Network: api.Network{ID: n.ID}, Addresses: []string{fmt.Sprintf("%s%d/24", subnet, s.hosts[n.ID])}})
		}
	}
	s.mu.Unlock()
	s.set(t, api.TaskStatePreparing, "")
	time.Sleep(t.app.Start / 2)
	if !s.set(t, api.TaskStateStarting, "") {
		return
	}
	s.mu.Lock()
	t.Status.ContainerStatus = &api.ContainerStatus{ContainerID: "container of " + t.ID}
	s.mu.Unlock()
	switch {
	case orderOf(t) != "":
		time.Sleep(t.app.Start / 2)
		s.set(t, api.TaskStateRunning, "")
		s.carryOut(t)
		s.finish(t)
		return
	case isProxy(t):
		s.serve(t)
	}
	time.Sleep(t.app.Start / 2)
	if t.app.Fails {
		s.fail(t)
		return
	}
	if isProxy(t) {
		s.await(func() bool { return ended(t) || s.servesSomething(t) })
	}
	s.set(t, api.TaskStateRunning, "")
	if t.JobIteration != nil {
		time.Sleep(t.app.Done)
		s.finish(t)
	}
}

func (s *Swarm) finish(t *task) {
	s.set(t, api.TaskStateComplete, "")
	s.mu.Lock()
	defer s.mu.Unlock()
	t.service.ended = true
	s.change()
}

// fail ends a task with an error; another takes its place after a while.
func (s *Swarm) fail(t *task) {
	s.mu.Lock()
	t.Status.ContainerStatus.ExitCode = 3
	s.mu.Unlock()
	if !s.set(t, api.TaskStateFailed, "task: non-zero exit (3)") {
		return
	}
	time.Sleep(5 * time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.DesiredState == api.TaskStateRunning && s.services[t.ServiceID] == t.service && isCurrent(t) && !isJob(t.service.Spec) {
		t.DesiredState = api.TaskStateShutdown
		s.start(t.service, placeOf(t))
	}
}
