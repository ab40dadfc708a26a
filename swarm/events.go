package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
)

const (
	// taskRest is how long Events rests until it looks at tasks, of which Swarm has no events.
	taskRest = 2 * time.Second
	// streamRest is the first pause after which a stream of events that ended is begun again, and
	// longStream how long one must last for the next pause to be the first again.
	streamRest = time.Second
	longStream = time.Minute
)

// Events tells what happens to the stack or, if it has no name, to all stacks with blue-green
// services, until ctx ends: that is how it ends, and no error. The error is that of the first look;
// later the engine may be away for as long as it likes. emit is given one event at a time.
func (o *Operator) Events(ctx context.Context, emit func(feed.Event)) error {
	w := &watcher{o: o, emit: emit, rest: streamRest, all: true}
	defer w.end()
	before, err := w.look(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	for w.wait(ctx) {
		after, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			w.lose(err)
			continue
		}
		w.back()
		for _, e := range feed.Compare(before, after) {
			emit(e)
		}
		before = after
	}
	return nil
}

// watcher looks when the engine has events, and from time to time.
type watcher struct {
	o    *Operator
	emit func(feed.Event)

	messages <-chan events.Message
	failed   <-chan error
	stop     context.CancelFunc
	began    time.Time
	rest     time.Duration // until the next stream after this one
	again    time.Time     // when it may begin

	// lost says that the engine does not answer.
	lost bool
	// all says that services and configs have to be read, since an event may have been missed; else
	// these are the ones that were read last, and what has changed since.
	all      bool
	services []api.Service
	configs  []api.Config
	changed  map[events.Type]bool
	nodes    map[string]api.Node
}

// wait returns when it is time for the next look, and false when ctx has ended.
func (w *watcher) wait(ctx context.Context) bool {
	w.listen(ctx)
	timer := time.NewTimer(taskRest)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case err := <-w.failed:
			if ctx.Err() != nil {
				return false
			}
			w.end()
			if time.Since(w.began) > longStream {
				w.rest = streamRest
			}
			w.again, w.rest = time.Now().Add(w.rest), min(2*w.rest, longStream)
			w.lose(fmt.Errorf("the stream of its events ended: %v", err))
			return w.o.ex.Pause(ctx)
		case m := <-w.messages:
			if strings.HasPrefix(string(m.Action), "exec_") {
				continue // health checks, once a second for each container
			}
			if !w.o.ex.Pause(ctx) {
				return false
			}
			w.note(m)
			return true
		case <-timer.C:
			return w.o.ex.Pause(ctx)
		}
	}
}

// note notes what has changed, by a message and those that have come since.
func (w *watcher) note(m events.Message) {
	for {
		w.changed[m.Type] = true
		select {
		case m = <-w.messages:
		default:
			return
		}
	}
}

// listen begins a stream of events if there is none, and it is time.
func (w *watcher) listen(ctx context.Context) {
	if w.messages != nil || time.Now().Before(w.again) {
		return
	}
	f := filters.NewArgs()
	for _, t := range []events.Type{events.ServiceEventType, events.ConfigEventType, events.NodeEventType, events.ContainerEventType} {
		f.Add("type", string(t))
	}
	streaming, stop := context.WithCancel(ctx)
	w.messages, w.failed = w.o.ex.Engine.Events(streaming, events.ListOptions{Filters: f})
	w.stop, w.began, w.all = stop, time.Now(), true
}

// end ends the stream.
func (w *watcher) end() {
	if w.stop != nil {
		w.stop()
	}
	w.messages, w.failed, w.stop = nil, nil, nil
}

// lose tells that the engine does not answer, and back that it does again.
func (w *watcher) lose(err error) {
	w.all = true
	if silent := new(engine.SilentError); errors.As(err, &silent) {
		err = silent.Err // the user need not do anything
	}
	if !w.lost {
		w.lost = true
		w.emit(feed.Event{Time: time.Now(), What: feed.Disconnected, Text: strings.Join(strings.Fields(err.Error()), " ")})
	}
}

func (w *watcher) back() {
	if w.lost {
		w.lost = false
		w.emit(feed.Event{Time: time.Now(), What: feed.Connected})
	}
}

// look reads what may have changed: tasks always, and the rest if an event says so, or none may
// have come.
func (w *watcher) look(ctx context.Context) (*feed.Look, error) {
	ex, all := w.o.ex, w.all || w.messages == nil
	label := cluster.LabelStack
	if ex.Stack != "" {
		label += "=" + ex.Stack
	}
	ours := filters.NewArgs(filters.Arg("label", label))
	if all || w.changed[events.ServiceEventType] || w.changed[events.ConfigEventType] {
		if err := w.objects(ctx, ours); err != nil {
			return nil, err
		}
	}
	if all || w.changed[events.NodeEventType] {
		nodes, err := ex.Now().Nodes(ctx)
		if err != nil {
			return nil, err
		}
		w.nodes = map[string]api.Node{}
		for _, n := range nodes {
			w.nodes[n.ID] = n
		}
	}
	tasks, err := w.tasks(ctx)
	if err != nil {
		return nil, err
	}
	w.all, w.changed = false, map[events.Type]bool{}
	return w.lookOf(tasks), nil
}

// objects reads services, and then configs: a lock is there before what is done under it. When a
// lock has come or gone, services are read again, since the last change may have come in between.
func (w *watcher) objects(ctx context.Context, ours filters.Args) (err error) {
	before := w.locks()
	if err := w.readServices(ctx, ours); err != nil {
		return err
	}
	if w.configs, err = w.o.ex.Engine.ConfigList(ctx, api.ConfigListOptions{Filters: ours}); err != nil {
		return fmt.Errorf("list configs: %w", err)
	}
	if maps.Equal(before, w.locks()) {
		return nil
	}
	return w.readServices(ctx, ours)
}

func (w *watcher) readServices(ctx context.Context, ours filters.Args) (err error) {
	if w.services, err = w.o.ex.Engine.ServiceList(ctx, api.ServiceListOptions{Filters: ours}); err != nil {
		return engine.ManagerError(err)
	}
	return nil
}

// locks are the ids of the locks that were read, by stack.
func (w *watcher) locks() map[string]string {
	ids := map[string]string{}
	for _, c := range w.configs {
		if c.Spec.Labels[cluster.LabelRole] == cluster.RoleLock {
			ids[c.Spec.Labels[cluster.LabelStack]] = c.ID
		}
	}
	return ids
}

// tasks are those of the proxies and the colors that were read. One that is gone by now has none.
func (w *watcher) tasks(ctx context.Context) ([]api.Task, error) {
	var ids []string
	for _, svc := range w.services {
		if role := svc.Spec.Labels[cluster.LabelRole]; role == cluster.RoleProxy || role == cluster.RoleColor {
			ids = append(ids, svc.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	byService, err := w.o.ex.Now().Tasks(ctx, ids...)
	switch {
	case err != nil && engine.NotFound(err):
		return w.o.ex.Now().AllTasks(ctx)
	case err != nil:
		return nil, err
	}
	var tasks []api.Task
	for _, list := range byService {
		tasks = append(tasks, list...)
	}
	return tasks, nil
}

// lookOf puts what was read together, by stack.
func (w *watcher) lookOf(tasks []api.Task) *feed.Look {
	l := &feed.Look{At: time.Now(), Stacks: map[string]*cluster.Snapshot{}, Locks: map[string]feed.Lock{}, Tasks: tasks}
	of := func(stack string) *cluster.Snapshot {
		if l.Stacks[stack] == nil {
			l.Stacks[stack] = cluster.NewSnapshot(stack)
			maps.Copy(l.Stacks[stack].Nodes, w.nodes)
		}
		return l.Stacks[stack]
	}
	for _, svc := range w.services {
		of(svc.Spec.Labels[cluster.LabelStack]).Add(svc)
	}
	for _, c := range w.configs {
		stack := c.Spec.Labels[cluster.LabelStack]
		if c.Spec.Labels[cluster.LabelRole] == cluster.RoleLock {
			labels := c.Spec.Labels
			person, _, _ := strings.Cut(labels[labelOwner], " (pid ")
			l.Locks[stack] = feed.Lock{ID: c.ID, Owner: person, Command: verb(c), Open: opened(c).String()}
			continue
		}
		of(stack).AddRelease(c)
	}
	return l
}
