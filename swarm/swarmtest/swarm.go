// Package swarmtest has a swarm in memory: an engine for tests that run in a bubble of
// testing/synctest, where minutes pass in milliseconds. It has of Swarm what commands depend on:
// versions of objects, tasks that are scheduled, start, become healthy, fail and are shut down,
// updates of services one task after the other, jobs, networks with addresses, nodes that go down.
// Proxies carry orders out by the rules of bluegreen.lua.
package swarmtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"

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
	// Refuses says that no proxy's check of it ever passes.
	Refuses bool
	// Done is how long a task of a job runs until it is complete.
	Done time.Duration
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
}

type service struct {
	api.Service
	// iteration numbers updates: an older one ends when there is a newer.
	iteration int
	lines     []string // printed by its tasks
	ended     bool     // a job's tasks have ended
}

type task struct {
	api.Task
	service *service
	app     App
	labels  map[string]string // of the service, when the task was made
	// route is that of a proxy, since when it runs is its start.
	proxy *proxy
	since time.Time
}

// New returns a swarm of nodes that are ready: n1 is the manager.
func New(nodes int) *Swarm {
	s := &Swarm{Apps: map[string]App{}, Default: App{Start: 2 * time.Second, Stop: time.Second, Done: time.Second},
		networks: map[string]*network.Inspect{}, hosts: map[string]int{}, services: map[string]*service{},
		configs: map[string]*api.Config{}, secrets: map[string]*api.Secret{}, changed: make(chan struct{})}
	for i := range nodes {
		n := &api.Node{ID: fmt.Sprintf("node%d", i+1)}
		n.Description.Hostname = fmt.Sprintf("n%d", i+1)
		n.Description.Platform = api.Platform{Architecture: "x86_64", OS: "linux"}
		n.Description.Resources = api.Resources{NanoCPUs: 8e9, MemoryBytes: 16 << 30}
		n.Spec.Availability, n.Status.State = api.NodeAvailabilityActive, api.NodeStateReady
		s.nodes = append(s.nodes, n)
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

// SetNode changes a node, by its host name, and what runs there.
func (s *Swarm) SetNode(name string, state api.NodeState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nodes {
		if n.Description.Hostname == name {
			n.Status.State = state
		}
	}
	s.change()
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
	return fmt.Errorf("rpc error: code = AlreadyExists desc = %s %s already exists", kind, name)
}

// deep copies a value by its JSON, as a call over the wire does.
func deep[T any](v T) T {
	var out T
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic(err)
	}
	return out
}

// ClientVersion is the newest version that commands know.
func (s *Swarm) ClientVersion() string { return "1.51" }

// Info is about the manager.
func (s *Swarm) Info(context.Context) (system.Info, error) { return system.Info{Name: "n1"}, nil }

// Events has none.
func (s *Swarm) Events(context.Context, events.ListOptions) (<-chan events.Message, <-chan error) {
	return nil, nil
}

// DistributionInspect knows no registry.
func (s *Swarm) DistributionInspect(context.Context, string, string) (registry.DistributionInspect, error) {
	return registry.DistributionInspect{}, errors.New("no registry")
}

// NodeList lists the nodes.
func (s *Swarm) NodeList(context.Context, api.NodeListOptions) ([]api.Node, error) {
	s.read("NodeList")
	defer s.mu.Unlock()
	var out []api.Node
	for _, n := range s.nodes {
		out = append(out, deep(*n))
	}
	return out, nil
}

// NetworkList lists the networks, sorted by name.
func (s *Swarm) NetworkList(context.Context, network.ListOptions) ([]network.Summary, error) {
	s.read("NetworkList")
	defer s.mu.Unlock()
	var out []network.Summary
	for _, n := range s.networks {
		out = append(out, deep(*n))
	}
	slices.SortFunc(out, func(a, b network.Inspect) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// NetworkInspect finds a network by id.
func (s *Swarm) NetworkInspect(_ context.Context, id string, _ network.InspectOptions) (network.Inspect, error) {
	s.read("NetworkInspect")
	defer s.mu.Unlock()
	if n := s.networks[id]; n != nil {
		return deep(*n), nil
	}
	return network.Inspect{}, missing("network", id)
}

// NetworkCreate makes a network with a range of its own.
func (s *Swarm) NetworkCreate(_ context.Context, name string, o network.CreateOptions) (network.CreateResponse, error) {
	if err := s.write("NetworkCreate", name); err != nil {
		return network.CreateResponse{}, err
	}
	defer s.mu.Unlock()
	for _, n := range s.networks {
		if n.Name == name {
			return network.CreateResponse{}, exists("network", name)
		}
	}
	n := &network.Inspect{Name: name, ID: s.id("network"), Scope: "swarm", Driver: cmp.Or(o.Driver, "overlay"), Labels: o.Labels, Attachable: o.Attachable}
	n.IPAM.Config = []network.IPAMConfig{{Subnet: fmt.Sprintf("10.0.%d.0/24", len(s.hosts)+1)}}
	s.networks[n.ID], s.hosts[n.ID] = n, 1
	return network.CreateResponse{ID: n.ID}, nil
}

// NetworkRemove removes a network that no task is on.
func (s *Swarm) NetworkRemove(_ context.Context, id string) error {
	if err := s.write("NetworkRemove", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	n := s.networks[id]
	if n == nil {
		return missing("network", id)
	}
	for _, t := range s.tasks {
		if !ended(t) && slices.ContainsFunc(t.NetworksAttachments, func(a api.NetworkAttachment) bool { return a.Network.ID == id }) {
			return fmt.Errorf("network %s is in use by task %s", n.Name, t.ID)
		}
	}
	delete(s.networks, id)
	return nil
}

// ConfigList lists the configs.
func (s *Swarm) ConfigList(context.Context, api.ConfigListOptions) ([]api.Config, error) {
	s.read("ConfigList")
	defer s.mu.Unlock()
	var out []api.Config
	for _, c := range s.configs {
		out = append(out, deep(*c))
	}
	slices.SortFunc(out, func(a, b api.Config) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// ConfigCreate makes a config of a name that is free.
func (s *Swarm) ConfigCreate(_ context.Context, spec api.ConfigSpec) (api.ConfigCreateResponse, error) {
	if err := s.write("ConfigCreate", spec.Name); err != nil {
		return api.ConfigCreateResponse{}, err
	}
	defer s.mu.Unlock()
	for _, c := range s.configs {
		if c.Spec.Name == spec.Name {
			return api.ConfigCreateResponse{}, exists("config", spec.Name)
		}
	}
	c := &api.Config{ID: s.id("config"), Meta: s.meta(api.Meta{}), Spec: deep(spec)}
	s.configs[c.ID] = c
	return api.ConfigCreateResponse{ID: c.ID}, nil
}

// ConfigUpdate writes the labels of a config.
func (s *Swarm) ConfigUpdate(_ context.Context, id string, v api.Version, spec api.ConfigSpec) error {
	if err := s.write("ConfigUpdate", spec.Name); err != nil {
		return err
	}
	defer s.mu.Unlock()
	c := s.configs[id]
	switch {
	case c == nil:
		return missing("config", id)
	case c.Version != v:
		return errSequence
	}
	c.Spec.Labels, c.Meta = deep(spec.Labels), s.meta(c.Meta)
	return nil
}

// ConfigRemove removes a config that no service refers to.
func (s *Swarm) ConfigRemove(_ context.Context, id string) error {
	if err := s.write("ConfigRemove", id); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.configs[id] == nil {
		return missing("config", id)
	}
	for _, svc := range s.services {
		if slices.ContainsFunc(svc.Spec.TaskTemplate.ContainerSpec.Configs, func(r *api.ConfigReference) bool { return r.ConfigID == id }) {
			return fmt.Errorf("config %s is in use by the following service: %s", id, svc.Spec.Name)
		}
	}
	delete(s.configs, id)
	return nil
}

// SecretList lists the secrets, without what is in them.
func (s *Swarm) SecretList(context.Context, api.SecretListOptions) ([]api.Secret, error) {
	s.read("SecretList")
	defer s.mu.Unlock()
	var out []api.Secret
	for _, x := range s.secrets {
		c := deep(*x)
		c.Spec.Data = nil
		out = append(out, c)
	}
	return out, nil
}
