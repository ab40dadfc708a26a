package cluster

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/singleflight"
)

// Record is what a command knows of its stack while it works. It begins as a copy of a snapshot,
// and is told each write. Steps that run side by side share it. It makes no calls, so nothing waits
// for its lock.
type Record struct {
	Stack, APIVersion string // as of a Snapshot

	mu sync.Mutex
	s  *Snapshot
	// making are the files that a step is just creating, by name.
	making singleflight.Group
}

// NewRecord begins with what was seen; the snapshot stays as it is.
func NewRecord(seen *Snapshot) *Record {
	return &Record{Stack: seen.Stack, APIVersion: seen.APIVersion, s: seen.clone()}
}

// Snapshot is what is known now.
func (rec *Record) Snapshot() *Snapshot {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.s.clone()
}

// Note tells what a write has changed. The function makes no calls.
func (rec *Record) Note(change func(s *Snapshot)) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	change(rec.s)
}

// Entry is what is known of a blue-green service, empty where there is none. Only steps of that
// service, which run one after the other, use and change it.
func (rec *Record) Entry(name string) *BlueGreen {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.s.Entry(name)
}

// Plain is a service of the stack that is not blue-green; ok is false where there is none.
func (rec *Record) Plain(name string) (svc api.Service, ok bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	svc, ok = rec.s.Plain[name]
	return svc, ok
}

// Network is a network by name; ok is false where there is none.
func (rec *Record) Network(name string) (n network.Summary, ok bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	n, ok = rec.s.Networks[name]
	return n, ok
}

// NetworkNames are the names of all networks by id.
func (rec *Record) NetworkNames() map[string]string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return NetworkNames(rec.s.Networks)
}

// Secret is a secret by name, without its content; the zero Secret where there is none.
func (rec *Record) Secret(name string) api.Secret {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.s.Secrets[name]
}

// Config is a config by name; ok is false where there is none.
func (rec *Record) Config(name string) (c api.Config, ok bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	c, ok = rec.s.Configs[name]
	return c, ok
}

// Node is a node as it was seen last: steps that run side by side look at nodes again and again.
func (rec *Record) Node(id string) api.Node {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.s.Nodes[id]
}

// Reachable says whether a node was up when we looked last. Nobody can wait for what runs on
// another.
func (rec *Record) Reachable(nodeID string) bool { return IsUp(rec.Node(nodeID)) }

// NodeName returns the host name of a node, or its id where the node is gone.
func (rec *Record) NodeName(id string) string { return NodeName(rec.Node(id), id) }

// TaskName names a task as docker does: by slot, or by node for a global service.
func (rec *Record) TaskName(t api.Task, service string) string {
	return taskName(t, service, rec.NodeName(t.NodeID))
}

// Resolve replaces the names of networks, secrets and configs in a spec by their ids.
func (rec *Record) Resolve(spec *api.ServiceSpec) error {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.s.resolve(spec)
}

// FillSubnet writes the control network's subnet into the spec of a proxy: it is known once the
// network exists.
func (rec *Record) FillSubnet(spec *api.ServiceSpec) {
	if n, _ := rec.Network(ControlNetwork(rec.Stack)); len(n.IPAM.Config) > 0 {
		fillSubnet(spec, n.IPAM.Config[0].Subnet)
	}
}

// clone copies all that a record changes. What it points to is never changed in place.
func (s *Snapshot) clone() *Snapshot {
	c := *s
	c.Nodes, c.Networks, c.Secrets, c.Configs = maps.Clone(s.Nodes), maps.Clone(s.Networks), maps.Clone(s.Secrets), maps.Clone(s.Configs)
	c.Plain, c.Finished, c.Orders = maps.Clone(s.Plain), maps.Clone(s.Finished), slices.Clone(s.Orders)
	c.BlueGreen = map[string]*BlueGreen{}
	for name, b := range s.BlueGreen {
		c.BlueGreen[name] = &BlueGreen{Name: b.Name, Proxy: b.Proxy, Colors: maps.Clone(b.Colors), Saved: maps.Clone(b.Saved)}
	}
	return &c
}

// NodeName is how people name a node: by its host, and by its id where that is not known.
func NodeName(n api.Node, id string) string {
	if n.Description.Hostname != "" {
		return n.Description.Hostname
	}
	return id
}

func taskName(t api.Task, service, node string) string {
	if t.Slot > 0 {
		return fmt.Sprintf("%s.%d", service, t.Slot)
	}
	return service + "." + node
}
