// Package swarmtest has a swarm in memory: an engine for tests that run in a bubble of
// testing/synctest, where minutes pass in milliseconds. It has of Swarm what commands depend on:
// versions of objects, tasks that are scheduled, start, become healthy, fail and are shut down,
// updates of services by their update_config, rollbacks, jobs, networks with addresses, nodes that
// are drained, paused or go down, events. Proxies carry orders out by the rules of bluegreen.lua.
// The scenarios of the package suite hold it to a real Swarm.
package swarmtest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// App is how tasks of an image behave.
type App struct {
	// Start is how long a task takes from its node to running and healthy.
	Start time.Duration
	// Stop is how long it takes to end once it is told to.
	Stop time.Duration
	// Fails says that it ends by itself with status 3 instead of becoming healthy.
	Fails bool
	// Rejects is the error with which a node rejects its tasks, as one of a missing image or a bad
	// mount; empty for none.
	Rejects string
	// Times is how many tasks fail or are rejected until they do no more; 0 for no end.
	Times int
	// Refuses says that no proxy's check of it ever passes.
	Refuses bool
	// Done is how long a task of a job runs until it is complete.
	Done time.Duration
	// Ends says that it ends by itself once it has run for Done, in a job or not: with status 0, or
	// with 3 if Fails.
	Ends bool
	// Log are the lines that it prints when it starts.
	Log []string
}

// Swarm is a swarm in memory. All fields may be changed under no lock before the first call; later
// a test uses the methods.
type Swarm struct {
	engine.API // what is not here panics

	// Apps are the images that differ from Default, by their reference in specs.
	Apps    map[string]App
	Default App
	// Before is called before each write with its name, such as ServiceUpdate, and the name of the
	// object; an error fails the call, before it is carried out.
	Before func(call, object string) error
	// Apart says that proxies do not hear of a guard that trips on another service, as where a
	// network loses that.
	Apart bool
	// AfterTelling is called when a control job has told the proxies their routes, and before it
	// reports; it may be nil.
	AfterTelling func()
	// After is called after each write was carried out; an error is what the caller gets.
	After func(call, object string) error

	mu       sync.Mutex
	calls    []string
	index    uint64
	ids      int
	nodes    []*api.Node
	networks map[string]*network.Inspect
	hosts    map[string]int // addresses given, by network
	services map[string]*service
	configs  map[string]*api.Config
	secrets  map[string]*api.Secret
	tasks    []*task
	changed  chan struct{} // closed at the next change
	watchers map[chan events.Message]filters.Args
	failures map[string]int // how many tasks of an image have failed
}

type service struct {
	api.Service
	// iteration numbers specs: what was begun for an older one ends when there is a newer.
	iteration int
	updating  *update
	lines     []string // printed by its tasks
	ended     bool     // a job's tasks have ended
}

type task struct {
	api.Task
	service  *service
	app      App
	labels   map[string]string // of the service, when the task was made
	endpoint *api.EndpointSpec // of the service, when the task was made
	place    string            // where it stands: the number of a replica, or a node
	restarts uint64            // how many tasks failed in this place before it
	update   *update           // that made it, nil for none
	// route is that of a proxy, since when it runs is its start.
	proxy *proxy
	since time.Time
}

// New returns a swarm of nodes that are ready: n1 is the manager.
func New(nodes int) *Swarm {
	s := &Swarm{Apps: map[string]App{}, Default: App{Start: 2 * time.Second, Stop: time.Second, Done: time.Second},
		networks: map[string]*network.Inspect{}, hosts: map[string]int{}, services: map[string]*service{},
		configs: map[string]*api.Config{}, secrets: map[string]*api.Secret{}, changed: make(chan struct{}),
		watchers: map[chan events.Message]filters.Args{}, failures: map[string]int{}}
	for i := range nodes {
		n := &api.Node{ID: fmt.Sprintf("node%d", i+1)}
		n.Description.Hostname = fmt.Sprintf("n%d", i+1)
		n.Description.Platform = api.Platform{Architecture: "x86_64", OS: "linux"}
		n.Description.Resources = api.Resources{NanoCPUs: 8e9, MemoryBytes: 16 << 30}
		n.Spec.Availability, n.Status.State = api.NodeAvailabilityActive, api.NodeStateReady
		s.nodes = append(s.nodes, n)
	}
	if nodes > 0 {
		s.nodes[0].ManagerStatus = &api.ManagerStatus{Leader: true, Reachability: api.ReachabilityReachable}
	}
	return s
}

// Close ends all tasks, and returns when nothing goes on any more: a bubble must not end before.
func (s *Swarm) Close() {
	s.mu.Lock()
	for _, svc := range s.services {
		svc.iteration++
	}
	for _, t := range s.tasks {
		if !ended(t) {
			t.Status.State = api.TaskStateShutdown
			t.service.ended = true
		}
	}
	clear(s.services)
	s.change()
	s.mu.Unlock()
	time.Sleep(24 * time.Hour)
}

// SetApp says how tasks of an image behave that are made from now on.
func (s *Swarm) SetApp(image string, app App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Apps[image] = app
	delete(s.failures, image)
}

// Service returns a service by its name, nil for none.
func (s *Swarm) Service(name string) *api.Service {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, svc := range s.services {
		if svc.Spec.Name == name {
			c := s.copyOf(svc)
			return &c
		}
	}
	return nil
}

// Objects are the names of all that the swarm holds, each with its kind, sorted.
func (s *Swarm) Objects() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, svc := range s.services {
		out = append(out, "service "+svc.Spec.Name)
	}
	for _, n := range s.networks {
		out = append(out, "network "+n.Name)
	}
	for _, c := range s.configs {
		out = append(out, "config "+c.Spec.Name)
	}
	for _, x := range s.secrets {
		out = append(out, "secret "+x.Spec.Name)
	}
	slices.Sort(out)
	return out
}

func (s *Swarm) id(kind string) string { s.ids++; return fmt.Sprintf("%s-%04d", kind, s.ids) }

// change wakes whoever waits for the swarm to change.
func (s *Swarm) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Swarm) meta(old api.Meta) api.Meta {
	s.index++
	old.Version.Index = s.index
	old.UpdatedAt = time.Now()
	if old.CreatedAt.IsZero() {
		old.CreatedAt = old.UpdatedAt
	}
	return old
}

// read begins a read.
func (s *Swarm) read(call string) {
	s.mu.Lock()
	s.calls = append(s.calls, call)
}

// Calls are the names of all calls since the last Calls.
func (s *Swarm) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// write begins a write: it is refused while a test says so.
func (s *Swarm) write(call, object string) error {
	s.read(call + " " + object)
	s.mu.Unlock()
	if s.Before != nil {
		if err := s.Before(call, object); err != nil {
			return err
		}
	}
	s.mu.Lock()
	return nil
}

func missing(kind, id string) error {
	return fmt.Errorf("%w: no such %s: %s", cerrdefs.ErrNotFound, kind, id)
}

var errSequence = errors.New("rpc error: code = Unknown desc = update out of sequence")

func exists(kind, name string) error {
	return fmt.Errorf("%w: rpc error: code = AlreadyExists desc = name conflicts with an existing object: %s %s already exists", cerrdefs.ErrConflict, kind, name)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: rpc error: code = InvalidArgument desc = %s", cerrdefs.ErrInvalidArgument, fmt.Sprintf(format, args...))
}
