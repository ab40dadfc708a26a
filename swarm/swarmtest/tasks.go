package swarmtest

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/mount"
	api "github.com/docker/docker/api/types/swarm"
)

var order = []api.TaskState{
	api.TaskStateNew, api.TaskStatePending, api.TaskStateAssigned, api.TaskStateAccepted, api.TaskStatePreparing,
	api.TaskStateReady, api.TaskStateStarting, api.TaskStateRunning, api.TaskStateComplete,
}

func ended(t *task) bool {
	i := slices.Index(order, t.Status.State)
	return i < 0 || t.Status.State == api.TaskStateComplete
}

// wanted says whether a task was not told to end.
func wanted(t *task) bool {
	return t.DesiredState != api.TaskStateShutdown && t.DesiredState != api.TaskStateRemove
}

// open says whether a node takes new tasks.
func (s *Swarm) open(n *api.Node) bool {
	return n.Status.State == api.NodeStateReady && n.Spec.Availability == api.NodeAvailabilityActive
}

func constraints(spec api.TaskSpec) []string {
	if spec.Placement == nil {
		return nil
	}
	return spec.Placement.Constraints
}

// meets says whether a node meets constraints; there are those on ids, host names and labels.
func meets(n *api.Node, constraints []string) bool {
	for _, c := range constraints {
		key, value, equal := strings.Cut(strings.ReplaceAll(c, " ", ""), "==")
		if !equal {
			key, value, _ = strings.Cut(strings.ReplaceAll(c, " ", ""), "!=")
		}
		var have string
		switch label, isLabel := strings.CutPrefix(key, "node.labels."); {
		case key == "node.id":
			have = n.ID
		case key == "node.hostname":
			have = n.Description.Hostname
		case isLabel:
			have = n.Spec.Labels[label]
		default:
			continue
		}
		if strings.EqualFold(have, value) != equal {
			return false
		}
	}
	return true
}

// eligible are the nodes that tasks of a spec may begin on.
func (s *Swarm) eligible(spec api.TaskSpec) []*api.Node {
	var out []*api.Node
	for _, n := range s.nodes {
		if s.open(n) && meets(n, constraints(spec)) {
			out = append(out, n)
		}
	}
	return out
}

// nodeFor is the node that has the fewest tasks of a service, and of all; nil when there is none.
func (s *Swarm) nodeFor(t *task) *api.Node {
	var best *api.Node
	var fewest int
	for _, n := range s.eligible(t.Spec) {
		load := 0
		for _, other := range s.tasks {
			switch {
			case other.NodeID != n.ID || ended(other):
			case other.service == t.service:
				load += 1000
			default:
				load++
			}
		}
		if isGlobal(t.service.Spec) && n.ID != t.place {
			continue
		}
		if best == nil || load < fewest {
			best, fewest = n, load
		}
	}
	return best
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

// start makes a task in a place.
func (s *Swarm) start(svc *service, place string, desired api.TaskState) *task {
	image := svc.Spec.TaskTemplate.ContainerSpec.Image
	app, ok := s.Apps[image]
	if !ok {
		app = s.Default
	}
	if app.Times > 0 {
		if s.failures[image]++; s.failures[image] > app.Times {
			app.Fails, app.Rejects = false, ""
		}
	}
	t := &task{service: svc, app: app, labels: deep(svc.Spec.Labels), endpoint: deep(svc.Spec.EndpointSpec), place: place}
	t.ID, t.Meta, t.ServiceID, t.Spec = s.id("task"), s.meta(api.Meta{}), svc.ID, deep(svc.Spec.TaskTemplate)
	t.DesiredState, t.Status = desired, api.TaskStatus{State: api.TaskStatePending, Timestamp: time.Now()}
	if svc.JobStatus != nil {
		t.JobIteration = new(svc.JobStatus.JobIteration)
	}
	if isGlobal(svc.Spec) {
		t.NodeID = place
	} else {
		t.Slot, _ = strconv.Atoi(place)
	}
	s.tasks = append(s.tasks, t)
	s.prune(t)
	go s.live(t)
	return t
}

// history is how many tasks of a place are kept.
const history = 5

// prune forgets the oldest tasks in the place of another, as many as there are too many.
func (s *Swarm) prune(t *task) {
	keep, n := history, 0
	if p := t.Spec.RestartPolicy; p != nil && p.MaxAttempts != nil && *p.MaxAttempts > 0 {
		keep = int(*p.MaxAttempts) + 1
	}
	for _, other := range s.tasks {
		if other.service == t.service && other.place == t.place {
			n++
		}
	}
	s.tasks = slices.DeleteFunc(s.tasks, func(other *task) bool {
		old := n > keep && other.service == t.service && other.place == t.place && ended(other) && !wanted(other)
		if old {
			n--
		}
		return old
	})
}

// end tells a task to end, or to end and leave no trace.
func (s *Swarm) end(t *task, desired api.TaskState) {
	told := !wanted(t)
	if !told || desired == api.TaskStateRemove {
		t.DesiredState = desired
	}
	if s.forget(t) || told || ended(t) {
		return
	}
	s.change()
	begun := slices.Index(order, t.Status.State) >= slices.Index(order, api.TaskStateStarting)
	go func() {
		s.await(func() bool { return t.NodeID == "" || s.reports(t.NodeID) || ended(t) })
		if begun {
			time.Sleep(t.app.Stop)
		}
		s.set(t, api.TaskStateShutdown, "")
	}()
}

// forget drops a task that has ended and is to leave no trace.
func (s *Swarm) forget(t *task) bool {
	if t.DesiredState != api.TaskStateRemove || !ended(t) {
		return false
	}
	s.tasks = slices.DeleteFunc(s.tasks, func(other *task) bool { return other == t })
	return true
}

// set moves a task on, unless it has ended: as soon as its node can report it.
func (s *Swarm) set(t *task, state api.TaskState, err string) bool {
	s.await(func() bool { return t.NodeID == "" || s.reports(t.NodeID) || ended(t) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended(t) {
		return false
	}
	t.Status.State, t.Status.Err, t.Status.Timestamp, t.Meta = state, err, s.clock(t.NodeID), s.meta(t.Meta)
	if state == api.TaskStateRunning {
		t.since = time.Now()
	}
	s.forget(t)
	s.change()
	return true
}

// schedule gives a task a node and addresses, as soon as it can. It returns false when the task has
// ended before.
func (s *Swarm) schedule(t *task) bool {
	s.mu.Lock()
	if s.nodeFor(t) == nil {
		t.Status.Err = fmt.Sprintf("no suitable node (scheduling constraints not satisfied on %d nodes)", len(s.nodes))
	}
	s.mu.Unlock()
	s.await(func() bool { return ended(t) || s.nodeFor(t) != nil })
	s.mu.Lock()
	defer s.mu.Unlock()
	if ended(t) {
		return false
	}
	t.NodeID, t.Status.Err = cmp.Or(t.NodeID, s.nodeFor(t).ID), ""
	for _, a := range t.Spec.Networks {
		if n := s.networks[a.Target]; n != nil {
			t.NetworksAttachments = append(t.NetworksAttachments, api.NetworkAttachment{Network: api.Network{ID: n.ID}, Addresses: []string{s.address(n)}})
		}
	}
	return true
}

// clock is the time on a node: that of every second one is an hour ahead, since nothing may depend
// on it.
func (s *Swarm) clock(node string) time.Time {
	if i := slices.IndexFunc(s.nodes, func(n *api.Node) bool { return n.ID == node }); i%2 == 1 {
		return time.Now().Add(time.Hour)
	}
	return time.Now()
}

// missingFolder is how folders begin that no node has.
const missingFolder = "/no/such/"

// rejection is why the node of a task cannot make its container, empty if it can.
func rejection(t *task) string {
	for _, m := range t.Spec.ContainerSpec.Mounts {
		if m.Type == mount.TypeBind && strings.HasPrefix(m.Source, missingFolder) {
			return "invalid mount config for type \"bind\": bind source path does not exist: " + m.Source
		}
	}
	return t.app.Rejects
}

// live takes a task from its node to its end.
func (s *Swarm) live(t *task) {
	if !s.schedule(t) || !s.set(t, api.TaskStatePreparing, "") {
		return
	}
	time.Sleep(t.app.Start / 2)
	if refusal := rejection(t); refusal != "" {
		s.endedItself(t, api.TaskStateRejected, refusal)
		return
	}
	if !s.set(t, api.TaskStateReady, "") {
		return
	}
	s.await(func() bool { return ended(t) || t.DesiredState != api.TaskStateReady })
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
		s.finish(t, 0)
		return
	case isProxy(t):
		s.serve(t)
	}
	time.Sleep(t.app.Start / 2)
	if t.app.Fails && !t.app.Ends {
		s.finish(t, 3)
		return
	}
	if isProxy(t) {
		s.await(func() bool { return ended(t) || s.servesSomething(t) })
	}
	s.set(t, api.TaskStateRunning, "")
	if t.JobIteration != nil || t.app.Ends {
		time.Sleep(t.app.Done)
		s.finish(t, map[bool]int{true: 3}[t.app.Fails])
	}
}

// finish ends a task by itself, with a status.
func (s *Swarm) finish(t *task, status int) {
	state, err := api.TaskStateComplete, ""
	if status != 0 {
		state, err = api.TaskStateFailed, fmt.Sprintf("task: non-zero exit (%d)", status)
		s.mu.Lock()
		t.Status.ContainerStatus.ExitCode = status
		s.mu.Unlock()
	}
	s.endedItself(t, state, err)
}

// endedItself notes that a task has ended by itself. Another takes its place, but only when it
// would have had its turn.
func (s *Swarm) endedItself(t *task, state api.TaskState, err string) {
	if !s.set(t, state, err) {
		return
	}
	s.mu.Lock()
	t.service.ended = t.service.ended || state == api.TaskStateComplete
	early := t.DesiredState == api.TaskStateReady
	if !early {
		s.restart(t)
	}
	s.failed(t)
	s.change()
	s.mu.Unlock()
	if !early {
		return
	}
	s.await(func() bool { return t.DesiredState != api.TaskStateReady || s.services[t.ServiceID] != t.service })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart(t)
	s.change()
}
