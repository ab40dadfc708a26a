// Package feed tells what has happened to stacks between two looks at a swarm. It asks nobody.
package feed

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// What is the kind of an event.
type What string

// Kinds of events.
const (
	Locked       What = "locked"       // a command has begun to change the stack
	LockOpened   What = "lock opened"  // it only waits, and others may come in between
	LockClosed   What = "lock closed"  // it goes on
	Unlocked     What = "unlocked"     // it has ended
	Began        What = "began"        // a release begins on a color
	Restored     What = "restored"     // a color holds an earlier release again
	Started      What = "started"      // a color that was stopped gets tasks again
	Scaled       What = "scaled"       // a color has another number of tasks
	Stopped      What = "stopped"      // a color is scaled to no tasks
	Removed      What = "removed"      // a color, or the proxies, are removed
	Ready        What = "ready"        // a task runs, and is healthy
	TaskFailed   What = "task failed"  // a task has failed, or its node rejected it
	Tested       What = "tested"       // a release has passed its tests
	Waits        What = "waits"        // a release waits for promote
	Proxies      What = "proxies"      // the proxies begin, are replaced, or Swarm has ended that
	Moved        What = "moved"        // the alias leads to another color
	Shared       What = "share"        // the color that is not active has another share
	Paused       What = "paused"       // requests wait
	Maintenance  What = "maintenance"  // requests are refused
	Live         What = "live"         // requests get to the colors again
	Tripped      What = "tripped"      // a guard has taken the traffic back
	Kept         What = "kept"         // a guard has ended, and the release has kept the traffic
	Failed       What = "failed"       // a release got no traffic, since it was not ready or failed a test
	Withdrawn    What = "withdrawn"    // a rollback takes a release away
	RolledBack   What = "rolled back"  // a rollback has taken the traffic back
	Disconnected What = "disconnected" // the engine does not answer; what happens meanwhile is told later, but for what is over by then
	Connected    What = "connected"    // it answers again
)

// Event is one thing that has happened. Its JSON form is stable: fields are added, never changed.
type Event struct {
	// Time is when it was seen, by the clock of this machine.
	Time time.Time `json:"time"`
	// What is locked, lock opened, lock closed, unlocked, began, restored, started, scaled, stopped,
	// removed, ready, task failed, tested, waits, proxies, moved, share, paused, maintenance, live,
	// tripped, kept, failed, withdrawn, rolled back, disconnected or connected.
	What What `json:"what"`
	// Stack is the name of the stack; empty if it is about the engine.
	Stack string `json:"stack"`
	// Service is the compose service's name; empty if it is about the stack.
	Service string `json:"service"`
	// Color is the color that it is about: that which an alias leads to, if it has moved; empty for
	// proxies.
	Color string `json:"color,omitempty"`
	// Release is the number of the release on that color.
	Release int `json:"release,omitempty"`
	// From is the color that an alias led to before.
	From string `json:"from,omitempty"`
	// FromRelease is the number of the release on that color.
	FromRelease int `json:"from_release,omitempty"`
	// Share is the percentage of the traffic that the color gets, in events of the kind share.
	Share *int `json:"share,omitempty"`
	// Tasks is the number of tasks that the color is to have, in events of the kinds started, scaled
	// and stopped.
	Tasks *int `json:"tasks,omitempty"`
	// Task is the task, as docker names it.
	Task string `json:"task,omitempty"`
	// Node is the host name of its node.
	Node string `json:"node,omitempty"`
	// By is the user and the machine of the command that did it, as far as that is known.
	By string `json:"by,omitempty"`
	// Command is that command, such as up.
	Command string `json:"command,omitempty"`
	// Text says more, such as the cause or the image.
	Text string `json:"text,omitempty"`
}

// Look is what was seen of stacks at one moment.
type Look struct {
	At time.Time
	// Stacks hold their blue-green services and releases, by name.
	Stacks map[string]*cluster.Snapshot
	// Locks are those of stacks.
	Locks map[string]Lock
	// Tasks are those of blue-green services.
	Tasks []api.Task
}

// Lock is who works on a stack.
type Lock struct {
	// ID is the same as long as one command has it.
	ID string
	// Owner is the user and the machine, and Command the command.
	Owner, Command string
	// Open says what it waits for while others may come in between; else it is empty.
	Open string
}

// comparison is what two looks say of one stack.
type comparison struct {
	before, after   *Look
	old, now        *cluster.Snapshot
	oldLock, newest Lock
	known           map[string]api.TaskState // of the tasks before, by id
	events          []Event
}

// Compare returns what has happened from one look to the next, by stack: who began to work, what
// happened to each service, and who has ended.
func Compare(before, after *Look) []Event {
	names := slices.AppendSeq(slices.Collect(maps.Keys(before.Stacks)), maps.Keys(after.Stacks))
	names = slices.AppendSeq(slices.AppendSeq(names, maps.Keys(before.Locks)), maps.Keys(after.Locks))
	slices.Sort(names)
	known := map[string]api.TaskState{}
	for _, t := range before.Tasks {
		known[t.ID] = t.Status.State
	}
	var all []Event
	for _, stack := range slices.Compact(names) {
		c := &comparison{before: before, after: after, old: before.stack(stack), now: after.stack(stack), oldLock: before.Locks[stack], newest: after.Locks[stack], known: known}
		c.begins()
		services := slices.AppendSeq(slices.Collect(maps.Keys(c.old.BlueGreen)), maps.Keys(c.now.BlueGreen))
		services = slices.AppendSeq(services, maps.Keys(c.now.Releases))
		slices.Sort(services)
		for _, name := range slices.Compact(services) {
			c.service(name, entry(c.old, name), entry(c.now, name))
		}
		c.ends()
		all = append(all, c.events...)
	}
	return all
}

// stack is what a look has seen of a stack, nothing if it was not there.
func (l *Look) stack(name string) *cluster.Snapshot {
	if s := l.Stacks[name]; s != nil {
		return s
	}
	return cluster.NewSnapshot(name)
}

// entry is a blue-green service, empty if it was not there.
func entry(s *cluster.Snapshot, name string) *cluster.BlueGreen {
	if b := s.BlueGreen[name]; b != nil {
		return b
	}
	return &cluster.BlueGreen{Name: name}
}

// add adds an event of the stack.
func (c *comparison) add(e Event) {
	e.Time, e.Stack = c.after.At, c.now.Stack
	c.events = append(c.events, e)
}

// did adds an event that the command has caused which has the lock, or had it. Of two commands
// either may have.
func (c *comparison) did(e Event) {
	by := c.newest
	switch {
	case by.ID == "":
		by = c.oldLock
	case c.oldLock.ID != "" && c.oldLock.ID != by.ID:
		by = Lock{}
	}
	e.By, e.Command = by.Owner, by.Command
	c.add(e)
}

// routed adds an event that a route has brought: the history may say by whom.
func (c *comparison) routed(e Event, sequence uint64) {
	for _, r := range c.now.Releases[e.Service] {
		for _, past := range r.Log {
			if past.Route == sequence && past.By != "" {
				e.By, e.Command = past.By, past.Command
				c.add(e)
				return
			}
		}
	}
	c.did(e)
}

// begins tells of who works now, and of the command before if another has taken its lock over.
func (c *comparison) begins() {
	old, now := c.oldLock, c.newest
	taken := now.ID != "" && now.ID != old.ID
	if taken && old.ID != "" {
		c.add(Event{What: Unlocked, By: old.Owner, Command: old.Command})
	}
	if taken {
		c.add(Event{What: Locked, By: now.Owner, Command: now.Command})
	}
	switch {
	case now.Open != "" && (taken || old.Open == ""):
		c.add(Event{What: LockOpened, By: now.Owner, Command: now.Command, Text: now.Open})
	case now.ID != "" && !taken && old.Open != "" && now.Open == "":
		c.add(Event{What: LockClosed, By: now.Owner, Command: now.Command})
	}
}

func (c *comparison) ends() {
	if old := c.oldLock; old.ID != "" && c.newest.ID == "" {
		c.add(Event{What: Unlocked, By: old.Owner, Command: old.Command})
	}
}

// service tells what has happened to one service, in the order in which commands do it.
func (c *comparison) service(name string, old, now *cluster.BlueGreen) {
	for _, color := range cluster.Colors {
		c.color(name, color, old.Colors[color], now.Colors[color])
	}
	c.proxies(name, old.Proxy, now.Proxy)
	c.tasks(name, now)
	for _, color := range cluster.Colors {
		c.marks(name, color, old.Colors[color], now.Colors[color])
		if waits(c.after, now, color) && !waits(c.before, old, color) {
			c.add(Event{What: Waits, Service: name, Color: string(color), Release: releaseOn(now, string(color))})
		}
	}
	c.route(old, now)
	c.history(name)
}

// color tells which release a color has, and how many tasks.
func (c *comparison) color(name string, color cluster.Color, old, now *api.Service) {
	e := Event{Service: name, Color: string(color)}
	switch {
	case now == nil && old != nil:
		e.What, e.Release = Removed, cluster.ReleaseOf(old.Spec)
		c.did(e)
		return
	case now == nil:
		return
	}
	e.Release = cluster.ReleaseOf(now.Spec)
	if old == nil || cluster.ReleaseOf(old.Spec) != e.Release {
		e.What, e.Text = Began, now.Spec.Labels[cluster.LabelImage]
		if old != nil && e.Release < cluster.ReleaseOf(old.Spec) {
			e.What = Restored
		}
		c.did(e)
		return
	}
	was, is := tasksOf(*old), tasksOf(*now)
	if was == is {
		return
	}
	e.What, e.Tasks = Scaled, &is
	switch {
	case cluster.IsStopped(now.Spec):
		e.What = Stopped
	case cluster.IsStopped(old.Spec):
		e.What = Started
	}
	c.did(e)
}

// tasksOf is how many tasks a service is to have; for a global one 1 stands for one on each node.
func tasksOf(svc api.Service) int {
	switch r := cluster.Replicas(svc.Spec); {
	case cluster.IsStopped(svc.Spec):
		return 0
	case r != nil:
		return int(*r)
	}
	return 1
}

// proxies tells whether the proxies are replaced, and how that ended.
func (c *comparison) proxies(name string, old, now *api.Service) {
	e := Event{What: Proxies, Service: name}
	switch {
	case now == nil && old == nil:
		return
	case now == nil:
		e.What = Removed
	case old == nil:
		e.Text = "they begin"
	case updateState(old) != updateState(now) && now.UpdateStatus != nil:
		e.Text = now.UpdateStatus.Message
	case string(cluster.MustJSON(old.Spec.TaskTemplate)) != string(cluster.MustJSON(now.Spec.TaskTemplate)):
		e.Text = "they are replaced"
	default:
		return
	}
	c.did(e)
}

func updateState(svc *api.Service) api.UpdateState {
	if svc.UpdateStatus == nil {
		return ""
	}
	return svc.UpdateStatus.State
}

// tasks tells which tasks of a service run now, and which have failed.
func (c *comparison) tasks(name string, b *cluster.BlueGreen) {
	of := map[string]Event{}
	if b.Proxy != nil {
		of[b.Proxy.ID] = Event{Service: name, Task: b.Proxy.Spec.Name}
	}
	for color, svc := range b.Colors {
		of[svc.ID] = Event{Service: name, Color: string(color), Release: cluster.ReleaseOf(svc.Spec), Task: svc.Spec.Name}
	}
	var seen []Event
	for _, t := range c.after.Tasks {
		e, ours := of[t.ServiceID]
		if !ours || c.known[t.ID] == t.Status.State {
			continue
		}
		e.Task, e.Node = c.now.TaskName(t, e.Task), c.now.NodeName(t.NodeID)
		switch t.Status.State {
		case api.TaskStateRunning:
			e.What = Ready
		case api.TaskStateFailed, api.TaskStateRejected:
			e.What, e.Text = TaskFailed, cluster.ErrorOf(t)
		default:
			continue
		}
		seen = append(seen, e)
	}
	slices.SortStableFunc(seen, func(a, b Event) int { return strings.Compare(a.Task, b.Task) })
	for _, e := range seen {
		c.add(e)
	}
}

// waits says whether the release on a color is ready, and waits for promote.
func waits(l *Look, b *cluster.BlueGreen, color cluster.Color) bool {
	svc := b.Colors[color]
	if svc == nil || b.Proxy == nil || b.Waiting() != color {
		return false
	}
	var runs []api.Task
	for _, t := range l.Tasks {
		if t.ServiceID == svc.ID && cluster.Wanted(t) && t.Status.State == api.TaskStateRunning {
			runs = append(runs, t)
		}
	}
	return len(runs) > 0 && len(runs) >= cluster.WantedTasks(svc.Spec, runs)
}

// marks tells what is written down of the release on a color.
func (c *comparison) marks(name string, color cluster.Color, old, now *api.Service) {
	if now == nil {
		return
	}
	was := map[string]string{}
	if old != nil {
		was = old.Spec.Labels
	}
	for _, m := range []struct {
		label string
		what  What
	}{{cluster.LabelTested, Tested}, {cluster.LabelWithdrawn, Withdrawn}} {
		if value := now.Spec.Labels[m.label]; value != "" && value != was[m.label] {
			c.did(Event{What: m.what, Service: name, Color: string(color), Release: cluster.ReleaseOf(now.Spec)})
		}
	}
}

// history tells what commands have written down of releases.
func (c *comparison) history(name string) {
	told := map[cluster.What]What{cluster.Kept: Kept, cluster.NotHealthy: Failed, cluster.SentBack: RolledBack}
	for _, r := range c.now.Releases[name] {
		known := map[string]bool{}
		if before := c.old.Release(name, r.Number); before != nil {
			for _, e := range before.Log {
				known[key(e)] = true
			}
		}
		for _, e := range r.Log {
			if what := told[e.What]; what != "" && !known[key(e)] {
				c.add(Event{What: what, Service: name, Color: string(r.Color), Release: r.Number, By: e.By, Command: e.Command, Text: e.Text})
			}
		}
	}
}

func key(e cluster.Entry) string { return fmt.Sprint(e.At.UnixNano(), e.What, e.Route, e.Text) }

// route tells where the alias leads.
func (c *comparison) route(old, now *cluster.BlueGreen) {
	if now.Proxy == nil {
		return
	}
	is, err := now.Route()
	if err != nil {
		return // doctor and status tell
	}
	e := Event{What: Moved, Service: now.Name, Color: is.Color, Release: releaseOn(now, is.Color)}
	if old.Proxy == nil {
		c.did(e)
		return
	}
	was, err := old.Route()
	if err != nil || was.String() == is.String() {
		return
	}
	switch {
	case is.Tripped && !was.Tripped:
		e.What, e.Text = Tripped, now.Proxy.Spec.Labels[cluster.LabelTripped]
		if was.Color != is.Color {
			e.From, e.FromRelease = was.Color, releaseOn(now, was.Color)
		} else {
			e.From, e.FromRelease = other(is.Color), releaseOn(now, other(is.Color))
		}
		c.add(e) // the proxies did it
	case was.Color != is.Color:
		e.From, e.FromRelease = was.Color, releaseOn(now, was.Color)
		c.routed(e, is.Sequence)
	}
	if is.Share != was.Share && (was.Color == is.Color && !is.Tripped || is.Share > 0) {
		c.routed(Event{What: Shared, Service: now.Name, Color: other(is.Color), Release: releaseOn(now, other(is.Color)), Share: &is.Share}, is.Sequence)
	}
	if was.State != is.State {
		c.routed(Event{What: cmp.Or(What(is.State.Word()), Live), Service: now.Name, Color: is.Color, Release: e.Release, Text: is.State.Message}, is.Sequence)
	}
}

func other(color string) string { return string(cluster.Color(color).Other()) }

// releaseOn is the number of the release on a color, 0 for none.
func releaseOn(b *cluster.BlueGreen, color string) int {
	if svc := b.Colors[cluster.Color(color)]; svc != nil {
		return cluster.ReleaseOf(svc.Spec)
	}
	return 0
}
