package doctor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/versions"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

const nameManager = "name a manager with --context or DOCKER_HOST"

// engine looks at the engine that commands talk to.
func (s *Seen) engine(f *findings) string {
	info := s.Engine
	switch state := info.Swarm.LocalNodeState; {
	case s.EngineErr != nil:
		f.add(Error, "", "start it (`systemctl start docker`), or "+nameManager+": `docker context ls` lists contexts", "the engine does not answer: %s", oneLine(s.EngineErr))
	case state == api.LocalNodeStateLocked:
		f.add(Error, info.Name, "`docker swarm unlock`", "its part of the swarm is locked since the engine was started")
	case state == api.LocalNodeStateError:
		f.add(Error, info.Name, "look at the log of the engine (`journalctl -u docker`), and start it again", "the engine has failed as a part of the swarm: %s", info.Swarm.Error)
	case state != api.LocalNodeStateActive:
		f.add(Error, info.Name, "`docker swarm init`, or "+nameManager, "the engine is not in a swarm")
	case !info.Swarm.ControlAvailable:
		f.add(Error, info.Name, nameManager+remote(info.Swarm.RemoteManagers), "the engine is a worker of the swarm, and only managers take commands")
	case s.Listed == nil && errors.Is(s.ListErr, engine.ErrNotManager):
		f.add(Error, info.Name, nameManager, "the engine is not a manager")
	case versions.LessThan(s.APIVersion, cluster.MinAPI):
		f.add(Error, info.Name, "use Docker Engine 20.10 or newer", "the engine speaks API version %s, and orders need version %s", s.APIVersion, cluster.MinAPI)
	}
	return fmt.Sprintf("Docker Engine %s on %s, a manager, API version %s", info.ServerVersion, info.Name, s.APIVersion)
}

// remote names the managers that a worker knows.
func remote(peers []api.Peer) string {
	var addrs []string
	for _, p := range peers {
		addrs = append(addrs, p.Addr)
	}
	if len(addrs) == 0 {
		return ""
	}
	slices.Sort(addrs)
	return fmt.Sprintf(" (managers listen on %s)", cluster.Sentence(addrs))
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// managers looks at who leads the swarm, and how many managers may still be lost.
func (s *Seen) managers(f *findings) string {
	if s.Listed == nil {
		if engine.Leaderless(s.ListErr) {
			f.add(Error, "", "start the managers again; if the others are lost for good, `docker swarm init --force-new-cluster` on the last one",
				"the managers do not answer: %s", oneLine(s.ListErr))
			return ""
		}
		f.add(Error, "", "try again; what stands between here and the engine may refuse a question, such as a proxy of its socket", "a manager does not answer all questions: %s", oneLine(s.ListErr))
		return ""
	}
	var all, reachable, leads []string
	for _, n := range s.Listed.Nodes {
		m := n.ManagerStatus
		if m == nil {
			continue
		}
		all = append(all, hostname(n))
		if m.Reachability == api.ReachabilityReachable {
			reachable = append(reachable, hostname(n))
		} else {
			f.add(Error, hostname(n), fmt.Sprintf("start it again; if it will not return, `docker node demote %[1]s` and `docker node rm --force %[1]s`", hostname(n)), "the manager cannot be reached")
		}
		if m.Leader {
			leads = append(leads, hostname(n))
		}
	}
	quorum := len(all)/2 + 1
	switch {
	case len(leads) == 0:
		f.add(Error, "", "start the managers that are lost", "no manager leads: nothing on the swarm can be changed")
	case len(reachable) == quorum && len(all) > 1:
		f.add(Warning, "", "add managers until 3 or 5 can be reached: `docker node promote NODE`",
			"%d of %s can be reached, and %d must be: if one more is lost, no command works (traffic goes on)", len(reachable), cluster.Count(len(all), "manager"), quorum)
	}
	if text := cluster.MixedManagers(s.Listed.Nodes); text != "" {
		f.add(Warning, "", "update all managers to one version", "%s", text)
	}
	return fmt.Sprintf("%s, %s leads", cluster.Count(len(all), "manager"), cluster.Sentence(leads))
}

func hostname(n api.Node) string { return cluster.NodeName(n, n.ID) }

// nodes looks at which nodes run tasks.
func (s *Seen) nodes(f *findings) string {
	active, byVersion := 0, map[string][]string{}
	for _, n := range s.Listed.Nodes {
		name := hostname(n)
		byVersion[n.Description.Engine.EngineVersion] = append(byVersion[n.Description.Engine.EngineVersion], name)
		switch {
		case n.Status.State == api.NodeStateUnknown:
			f.add(Warning, name, "wait for a minute, and look again", "it has not reported to the manager that leads now")
		case !cluster.IsUp(n):
			f.add(Error, name, fmt.Sprintf("start it again; if it will not return, `docker node rm --force %s`", name),
				"the node is %s%s: while proxies may run there, commands that move traffic end with exit code 4", n.Status.State, said(n.Status.Message))
		case n.Spec.Availability != api.NodeAvailabilityActive:
			f.add(OK, name, fmt.Sprintf("`docker node update --availability active %s`, if it is to take tasks", name), "takes no new tasks: its availability is %s", n.Spec.Availability)
		default:
			active++
		}
	}
	if active == 0 {
		f.add(Error, "", "`docker node update --availability active NODE`", "no node takes tasks")
	}
	delete(byVersion, "")
	if len(byVersion) > 1 {
		var parts []string
		for _, v := range slices.Sorted(maps.Keys(byVersion)) {
			parts = append(parts, fmt.Sprintf("%s on %s", v, cluster.Sentence(byVersion[v])))
		}
		f.add(Warning, "", "update the older ones", "nodes run several versions of Docker Engine: %s", strings.Join(parts, "; "))
	}
	return fmt.Sprintf("%d of %s up and active", active, cluster.Count(len(s.Listed.Nodes), "node"))
}

func said(message string) string {
	if message == "" {
		return ""
	}
	return " (" + message + ")"
}

// clockLimit is how far clocks may be apart.
const clockLimit = 5 * time.Second

const syncClock = "set the clock by a time server (`timedatectl set-ntp true`)"

// clocks compares the clock of the engine with that of this machine, and those of nodes with that
// of the manager that leads.
func (s *Seen) clocks(f *findings) string {
	well := "the clocks of the nodes agree as far as their tasks tell"
	if at, err := time.Parse(time.RFC3339Nano, s.Engine.SystemTime); err == nil {
		offset := at.Sub(s.Asked.Add(s.Took / 2))
		if offset.Abs()-s.Took/2 > clockLimit {
			f.add(Warning, s.Engine.Name, syncClock+", there or here", "the clock of the engine is %s that of this machine: guards, promote: TIME and logs --since go by clocks", apart(offset))
		}
		well = "the clock of the engine agrees with that of this machine, and those of nodes as far as their tasks tell"
	}
	newest := map[string]api.Task{} // by node: what older tasks say may be past
	for _, t := range s.Tasks {
		if t.Status.State == api.TaskStateRunning && t.CreatedAt.After(newest[t.NodeID].CreatedAt) {
			newest[t.NodeID] = t
		}
	}
	for _, n := range s.Listed.Nodes {
		t, ok := newest[n.ID]
		if offset := offsetOf(t); ok && offset.Abs() > clockLimit {
			f.add(Warning, hostname(n), syncClock+" there", "when its newest task started, its clock was at least %s that of the managers", apart(offset))
		}
	}
	return well
}

// offsetOf is how far the clock of the node of a task that runs was at least from that of the
// managers. A node says when a task began to run, by its own clock: that was after the managers
// made the task, and before they wrote it down.
func offsetOf(t api.Task) time.Duration {
	switch at := t.Status.Timestamp; {
	case at.After(t.UpdatedAt):
		return at.Sub(t.UpdatedAt)
	case at.Before(t.CreatedAt):
		return at.Sub(t.CreatedAt)
	}
	return 0
}

func apart(offset time.Duration) string {
	if offset < 0 {
		return (-offset).Round(time.Second).String() + " behind"
	}
	return offset.Round(time.Second).String() + " ahead of"
}
