package cluster

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Askable says whether a proxy can be expected to answer.
func (t ProxyTask) Askable() bool {
	return !t.Down && !t.Waiting && t.Addr != "" && StateRank(t.State) >= StateRank(api.TaskStateStarting)
}

// ProxyTask is one task of a proxy service that is not known to have ended.
type ProxyTask struct {
	Service string // compose name
	ID      string
	Name    string // as docker shows it, for example shop_web.1
	Node    string // host name, empty without a node
	NodeID  string
	Addr    string // on the control network, empty without one
	State   api.TaskState
	Image   string
	Err     string
	// Down says that the task's node is not up: nobody can tell what the task does.
	Down bool
	// Stopping says that the swarm wants the task to end.
	Stopping bool
	// Waiting says that the task has a node and no process yet: it follows one that ends, or
	// failed. It will start with the route that was written down at Created.
	Waiting bool
	Created time.Time
}

// String names the proxy for a message.
func (t ProxyTask) String() string {
	s := t.Name + " on " + t.Node
	switch {
	case t.Down:
		s += " (node is down)"
	case t.Stopping:
		s += " (stopping)"
	case t.State != api.TaskStateRunning:
		s += " (" + string(t.State) + ")"
	}
	if t.Err != "" {
		s += ": " + t.Err
	}
	return s
}

// ProxyTasks lists the proxy tasks of services that may route, now or in a moment.
//
// A task without a node is not among them: it has no process, and when it gets one it asks its
// peers before it serves.
func (cl *Cluster) ProxyTasks(ctx context.Context, look Look, rec *Record, services []string) ([]ProxyTask, error) {
	ids := map[string]string{}
	var list []string
	for _, name := range services {
		if p := rec.Entry(name).Proxy; p != nil {
			ids[p.ID] = name
			list = append(list, p.ID)
		}
	}
	if len(list) == 0 {
		return nil, nil
	}
	ups, err := look.RefreshNodes(ctx, rec)
	if err != nil {
		return nil, err
	}
	tasks, err := look.Tasks(ctx, list...)
	if err != nil {
		return nil, err
	}
	control, _ := rec.Network(ControlNetwork(rec.Stack))
	var out []ProxyTask
	for id, name := range ids {
		for _, t := range tasks[id] {
			up, known := ups[t.NodeID]
			waits := Wanted(t) && (!Begun(t) || t.DesiredState == api.TaskStateReady)
			if t.NodeID == "" || !known || !runsProxy(t) || !mayRun(t, up) && (Ended(t) || !waits) {
				continue
			}
			p := rec.proxyTask(t, name, rec.Entry(name).Proxy.Spec.Name, control.ID)
			p.Down, p.Waiting = !up, waits
			out = append(out, p)
		}
	}
	SortBy(out, byName)
	return out, nil
}

func byName(a, b *ProxyTask) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) }

func (rec *Record) proxyTask(t api.Task, service, swarmName, control string) ProxyTask {
	return ProxyTask{
		Service: service, ID: t.ID, Name: rec.TaskName(t, swarmName),
		Node: rec.NodeName(t.NodeID), NodeID: t.NodeID, Addr: TaskAddress(t, control), State: t.Status.State,
		Image: t.Spec.ContainerSpec.Image, Err: t.Status.Err,
		Stopping: StateRank(t.DesiredState) > StateRank(api.TaskStateRunning), Created: t.CreatedAt,
	}
}

// LeftProxies lists the proxies of a service that have not ended and are not those of its proxy
// service, whatever service they are tasks of: it may be removed, or a plain one by now. One that
// the manager has given up, on a node that does not answer, counts.
func (cl *Cluster) LeftProxies(ctx context.Context, look Look, rec *Record, b *BlueGreen) ([]ProxyTask, error) {
	all, err := look.AllTasks(ctx)
	if err != nil {
		return nil, err
	}
	left := slices.DeleteFunc(all, func(t api.Task) bool {
		own := b.Proxy != nil && t.ServiceID == b.Proxy.ID
		return own || !runsProxy(t) || !named(t, PeersAlias(rec.Stack, b.Name)) || !mayRun(t, false)
	})
	if len(left) == 0 { // as nearly always: the nodes need no look
		return nil, nil
	}
	ups, err := look.RefreshNodes(ctx, rec)
	if err != nil {
		return nil, err
	}
	var out []ProxyTask
	for _, t := range left {
		up, known := ups[t.NodeID]
		if known && mayRun(t, up) {
			p := rec.proxyTask(t, b.Name, Scoped(rec.Stack, b.Name), "")
			p.Down = !up
			out = append(out, p)
		}
	}
	SortBy(out, byName)
	return out, nil
}

// mayRun says whether a task that has begun may still run: the manager gives one up on a node that
// does not answer for long, which proves nothing.
func mayRun(t api.Task, nodeUp bool) bool {
	return Begun(t) || t.Status.State == api.TaskStateOrphaned && !nodeUp
}

// named says whether a task has an alias on one of its networks.
func named(t api.Task, alias string) bool {
	return slices.ContainsFunc(t.Spec.Networks, func(n api.NetworkAttachmentConfig) bool { return slices.Contains(n.Aliases, alias) })
}

// runsProxy says whether a task of a proxy service is a proxy: after an adoption the old app's
// tasks are there too.
func runsProxy(t api.Task) bool {
	c := t.Spec.ContainerSpec
	return c != nil && slices.ContainsFunc(c.Configs, func(r *api.ConfigReference) bool {
		return r.File != nil && r.File.Name == haproxy.Dir+"/"+haproxy.RouteFile
	})
}

// states in the order in which a task goes through them; see swarmkit's api/types.proto.
var states = []api.TaskState{
	api.TaskStateNew, api.TaskStatePending, api.TaskStateAssigned, api.TaskStateAccepted, api.TaskStatePreparing,
	api.TaskStateReady, api.TaskStateStarting, api.TaskStateRunning, api.TaskStateComplete, api.TaskStateShutdown,
	api.TaskStateFailed, api.TaskStateRejected, api.TaskStateRemove, api.TaskStateOrphaned,
}

// StateRank is how far a task in a state has come: states with a higher rank come later.
func StateRank(s api.TaskState) int { return slices.Index(states, s) }

// Ended says whether a task has no container any more.
func Ended(t api.Task) bool { return StateRank(t.Status.State) > StateRank(api.TaskStateRunning) }

// Begun says whether a node has a task and has not ended it. One of a global service has its node
// while it waits.
func Begun(t api.Task) bool {
	return t.NodeID != "" && StateRank(t.Status.State) >= StateRank(api.TaskStateAssigned) && !Ended(t)
}

// Wanted says whether the swarm wants a task to run.
func Wanted(t api.Task) bool { return StateRank(t.DesiredState) <= StateRank(api.TaskStateRunning) }

// TaskAddress returns the task's address on a network, and "" while it has none.
func TaskAddress(t api.Task, networkID string) string {
	for _, a := range t.NetworksAttachments {
		if a.Network.ID != networkID {
			continue
		}
		for _, addr := range a.Addresses {
			if p, err := netip.ParsePrefix(addr); err == nil {
				return p.Addr().String()
			}
		}
	}
	return ""
}

// TaskName names a task as docker does: by slot, or by node for a global service.
func (s *Snapshot) TaskName(t api.Task, service string) string {
	return taskName(t, service, s.NodeName(t.NodeID))
}

// IsUp says whether a node runs its tasks, as far as the managers know. After another manager has
// begun to lead, every node is "unknown" until it reports to that one, and goes on meanwhile; one
// that does not report is "down" soon.
func IsUp(n api.Node) bool {
	return n.Status.State == api.NodeStateReady || n.Status.State == api.NodeStateUnknown
}

// BeforeStartInterval says whether a node's engine is older than 25, which has start_interval of a
// healthcheck. A newer one writes 0 where there is none, which for Swarm is another task.
func BeforeStartInterval(n api.Node) bool {
	major, _, _ := strings.Cut(n.Description.Engine.EngineVersion, ".")
	v, err := strconv.Atoi(major)
	return err == nil && v < 25
}

// MixedManagers says what happens while managers run engines before and after 25: of what one of
// them wrote, the other one changes the healthcheck (moby, daemon/cluster/convert/container.go,
// healthConfigToGRPC). It is empty where they do not.
func MixedManagers(nodes []api.Node) string {
	var old, current []string
	for _, n := range nodes {
		switch version := n.Description.Engine.EngineVersion; {
		case n.ManagerStatus == nil:
		case BeforeStartInterval(n):
			old = append(old, version)
		default:
			current = append(current, version)
		}
	}
	if len(old) == 0 || len(current) == 0 {
		return ""
	}
	return fmt.Sprintf("managers run Docker Engine %s and %s: when another one of them leads, or a command talks to another one, "+
		"Swarm restarts all tasks with a healthcheck of a service that is written, also proxies and active colors", slices.Min(old), slices.Max(current))
}

// RefreshNodes looks at the nodes again, and returns which are up by their ids.
func (l Look) RefreshNodes(ctx context.Context, rec *Record) (map[string]bool, error) {
	nodes, err := l.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	ups := map[string]bool{}
	rec.Note(func(s *Snapshot) {
		for _, n := range nodes {
			s.Nodes[n.ID] = n
			ups[n.ID] = IsUp(n)
		}
	})
	return ups, nil
}
