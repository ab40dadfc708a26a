package doctor

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/go-units"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// run is a command for the stack, as a person types it.
func (s *Stack) run(verb string, args ...string) string {
	return "`" + strings.Join(append([]string{"docker bluegreen", verb, "-p", s.Name}, args...), " ") + "`"
}

// proxied are the blue-green services that have proxies, sorted by name.
func (s *Stack) proxied() []*cluster.BlueGreen {
	var out []*cluster.BlueGreen
	for _, name := range slices.Sorted(maps.Keys(s.BlueGreen)) {
		if b := s.BlueGreen[name]; b.Proxy != nil {
			out = append(out, b)
		}
	}
	return out
}

// network looks at the network on which proxies and orders talk.
func (s *Seen) network(st *Stack, f *findings) string {
	services := st.proxied()
	if len(services) == 0 {
		return ""
	}
	name := cluster.ControlNetwork(st.Name)
	n, exists := st.Networks[name]
	if !exists {
		f.add(Error, name, st.run("up")+" makes it again", "the control network does not exist: proxies take no orders")
		return ""
	}
	if len(n.IPAM.Config) == 0 {
		f.add(Error, name, st.run("down")+" and "+st.run("up")+", during which nothing answers", "the control network has no range of addresses")
		return ""
	}
	subnet := n.IPAM.Config[0].Subnet
	room, used := cluster.AddressesOf(subnet), st.UsedAddresses(name, running(s.Tasks))
	// Each node has an address there, each service a proxy more while they are replaced, and an order
	// two.
	need := uint64(len(st.Nodes) + len(services) + 2)
	if used+need > room {
		f.add(Warning, name, "write a larger range, x-bluegreen.control: {subnet: 10.77.0.0/20}, at the top of the file; then "+st.run("down")+" and "+st.run("up")+", during which nothing answers",
			"the range %s has %d addresses, %d are in use, and nodes, orders and a roll of the proxies need %d more", subnet, room, used, need)
	}
	for _, other := range slices.Sorted(maps.Keys(st.Networks)) {
		if o := st.Networks[other]; o.ID != n.ID && overlaps(o, subnet) {
			f.add(Warning, name, "give one of them another range", "its range %s overlaps with that of network %s", subnet, other)
		}
	}
	return fmt.Sprintf("%s (%s), %d of %d addresses in use", name, subnet, used, room)
}

// running are tasks that hold an address.
func running(tasks []api.Task) []api.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool { return cluster.Ended(t) || !cluster.Wanted(t) })
}

func overlaps(n network.Summary, subnet string) bool {
	p, err := netip.ParsePrefix(subnet)
	return err == nil && slices.ContainsFunc(n.IPAM.Config, func(c network.IPAMConfig) bool {
		q, err := netip.ParsePrefix(c.Subnet)
		return err == nil && p.Overlaps(q)
	})
}

// services looks at whether tasks run that should, and how Swarm's updates have ended.
func (s *Seen) services(st *Stack, f *findings) string {
	tasks, n := map[string][]api.Task{}, 0
	for _, t := range s.Tasks {
		tasks[t.ServiceID] = append(tasks[t.ServiceID], t)
	}
	all := st.Services()
	cluster.SortBy(all, func(a, b *api.Service) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	for _, svc := range all {
		if svc.Spec.Labels[cluster.LabelRole] == cluster.RoleOrder {
			continue
		}
		n++
		name := svc.Spec.Name
		switch {
		case cluster.Paused(svc) != "":
			f.add(Error, name, "correct what fails, and run "+st.run("up")+": it writes the update again", "Swarm has paused its update: %s", cluster.Paused(svc))
		case cluster.RolledBack(svc):
			f.add(Warning, name, st.run("up")+" with a version that works", "its last update was rolled back: %s", svc.UpdateStatus.Message)
		case cluster.Rolling(svc):
			f.add(OK, name, "", "Swarm updates it: %s", svc.UpdateStatus.Message)
		}
		if text := svc.Spec.Labels[cluster.LabelReduced]; text != "" && !st.busy() {
			f.add(Warning, name, st.run("up")+" gives them back, and so does any other command that changes the stack", "a command was killed and has left fewer replicas, %s", text)
		}
		if !cluster.IsJob(svc.Spec) {
			st.tasks(f, svc, tasks[svc.ID])
		}
	}
	return cluster.Count(n, "service") + ", all tasks run"
}

// tasks looks at the tasks of one service.
func (s *Stack) tasks(f *findings, svc api.Service, tasks []api.Task) {
	have, want, why := 0, cluster.WantedTasks(svc.Spec, tasks), ""
	var newest time.Time
	for _, t := range tasks {
		if cluster.Wanted(t) && t.Status.State == api.TaskStateRunning && cluster.IsUp(s.Nodes[t.NodeID]) {
			have++
		}
		failed := t.Status.State == api.TaskStateFailed || t.Status.State == api.TaskStateRejected || t.Status.State == api.TaskStatePending
		if text := cluster.ErrorOf(t); failed && text != "" && !t.Status.Timestamp.Before(newest) {
			newest, why = t.Status.Timestamp, fmt.Sprintf(": %s: %s", s.TaskName(t, svc.Spec.Name), text)
		}
	}
	if have += ended(svc, tasks); have >= want {
		return
	}
	level := Error
	switch b := s.BlueGreen[svc.Spec.Labels[cluster.LabelService]]; {
	case s.busy() || cluster.Rolling(svc):
		level = OK // it is being done
	case svc.Spec.Labels[cluster.LabelRole] == cluster.RoleColor && b != nil && b.Active() != cluster.Color(svc.Spec.Labels[cluster.LabelColor]):
		level = Warning // it gets no traffic
	}
	f.add(level, svc.Spec.Name, fmt.Sprintf("`docker service ps --no-trunc %s`", svc.Spec.Name), "%d of %d tasks run%s", have, want, why)
}

// ended are the tasks that have done their work, of a service whose restart_policy leaves them so.
func ended(svc api.Service, tasks []api.Task) (n int) {
	policy := svc.Spec.TaskTemplate.RestartPolicy
	if policy == nil || policy.Condition != api.RestartPolicyConditionNone && policy.Condition != api.RestartPolicyConditionOnFailure {
		return 0
	}
	latest := map[string]api.Task{} // by slot and node
	for _, t := range tasks {
		slot := fmt.Sprint(t.Slot)
		if t.Slot == 0 {
			slot = t.NodeID
		}
		if l, ok := latest[slot]; !ok || t.CreatedAt.After(l.CreatedAt) {
			latest[slot] = t
		}
	}
	for _, t := range latest {
		if t.Status.State == api.TaskStateComplete {
			n++
		}
	}
	return n
}

// images looks at whether all nodes run the same.
func (s *Seen) images(st *Stack, f *findings) string {
	platforms := map[string]bool{}
	for _, n := range s.Listed.Nodes {
		if n.Spec.Availability == api.NodeAvailabilityActive && cluster.IsUp(n) {
			platforms[n.Description.Platform.OS+"/"+n.Description.Platform.Architecture] = true
		}
	}
	var loose, anywhere []string
	for _, svc := range st.Services() {
		c, p := svc.Spec.TaskTemplate.ContainerSpec, svc.Spec.TaskTemplate.Placement
		if c == nil || svc.Spec.Labels[cluster.LabelRole] == cluster.RoleOrder {
			continue
		}
		if !strings.Contains(c.Image, "@") {
			loose = append(loose, svc.Spec.Name)
		}
		if p == nil || len(p.Platforms) == 0 {
			anywhere = append(anywhere, svc.Spec.Name)
		}
	}
	slices.Sort(loose)
	slices.Sort(anywhere)
	if len(platforms) > 1 && len(anywhere) > 0 {
		f.add(Warning, cluster.Sentence(anywhere), st.run("up", "--resolve-image", "always")+" where the registry can be reached, or deploy.placement.constraints with node.platform.arch",
			"nodes have several platforms (%s), and Swarm does not know for which the image is", strings.Join(slices.Sorted(maps.Keys(platforms)), ", "))
	}
	if len(loose) > 0 && len(s.Listed.Nodes) > 1 {
		f.add(Warning, cluster.Sentence(loose), st.run("up", "--resolve-image", "always")+" where the registry can be reached",
			"the image has no digest: each node runs what it has under that tag, or pulls at that moment")
	}
	if len(loose) > 0 {
		return "there is one node, which runs the images that it has"
	}
	return "all images have a digest"
}

// drift says what the proxies said.
func (s *Stack) drift(f *findings) string {
	if !s.Live {
		return ""
	}
	if s.LiveErr != nil {
		f.add(Error, "", "`docker service ps` of the proxies, and `docker node ls`", "the proxies were not heard: %s", oneLine(s.LiveErr))
		return ""
	}
	for _, text := range s.Drift {
		f.add(Error, "", "run the last up, flip or rollback again", "%s", text)
	}
	return "all proxies do what is written down"
}

// long is how long a pause, maintenance or a lock may last before it is something to look at.
const long = time.Hour

// ago is how long something has lasted, in words.
func ago(since, now time.Time) string {
	return strings.ToLower(units.HumanDuration(now.Sub(since)))
}
