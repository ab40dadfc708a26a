package preflight

import (
	"fmt"
	"maps"
	"slices"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// HostPorts finds ports of nodes that more tasks want than there are nodes which have them free.
func (f *Findings) hostPorts(claims []claim) {
	wishes := map[string][]claim{}
	for _, c := range claims {
		if c.step.Do == plan.Adopt || c.step.Do == plan.GiveBack {
			continue // the service keeps its own ports
		}
		for _, port := range cluster.PublishedPorts(*c.step.Spec, api.PortConfigPublishModeHost) {
			wishes[port] = append(wishes[port], c)
		}
	}
	for _, port := range slices.Sorted(maps.Keys(wishes)) {
		f.hostPort(port, wishes[port])
	}
}

func (f *Findings) hostPort(port string, claims []claim) {
	nodes := map[string]bool{}
	wanted, names := uint64(0), []string{}
	for _, c := range claims {
		wanted += c.tasks
		names = append(names, c.step.Service)
		for _, n := range c.eligible {
			nodes[n.ID] = true
		}
	}
	var holders []string
	meant := ""
	for _, t := range f.tasks {
		if nodes[t.NodeID] && f.holds(t, port, claims) {
			delete(nodes, t.NodeID)
			meant = f.meant(f.seen.ServiceNames[t.ServiceID])
			holders = append(holders, fmt.Sprintf("%s on %s", f.seen.TaskName(t, f.seen.ServiceNames[t.ServiceID]), f.seen.NodeName(t.NodeID)))
		}
	}
	if wanted <= uint64(len(nodes)) {
		return
	}
	text := fmt.Sprintf("%s want port %s of a node (mode: host), and %d nodes have it free", tasksOf(wanted), port, len(nodes))
	if len(nodes) == 1 {
		text = fmt.Sprintf("%s want port %s of a node (mode: host), and 1 node has it free", tasksOf(wanted), port)
	}
	if len(holders) > 0 {
		slices.Sort(holders)
		text += "; it is held by " + cluster.Sentence(holders)
	}
	f.problem(cluster.Sentence(names), "%s: use another port, fewer replicas or mode: ingress%s", text, meant)
}

// holds says whether a task of a service that is not among the claims has a host-mode port.
func (f *Findings) holds(t api.Task, port string, claims []claim) bool {
	name := f.seen.ServiceNames[t.ServiceID]
	if slices.ContainsFunc(claims, func(c claim) bool { return c.step.Name == name }) {
		return false
	}
	return slices.ContainsFunc(t.Status.PortStatus.Ports, func(p api.PortConfig) bool {
		return p.PublishMode == api.PortConfigPublishModeHost && cluster.PortName(p) == port
	})
}

// ingressPorts finds ports of the mesh that another service has; Swarm would refuse them when much
// is done already.
func (f *Findings) ingressPorts() {
	owners := maps.Clone(f.seen.Published)
	if owners == nil {
		owners = map[string]string{}
	}
	gone := map[string]bool{}
	for _, s := range f.plan.Steps {
		if s.Do == plan.UpdatePlain || s.Do == plan.UpdateProxies {
			gone[s.Name] = true // what it has now it may give up
		}
	}
	maps.DeleteFunc(owners, func(_, name string) bool { return gone[name] })
	for _, s := range f.plan.Steps {
		if s.Spec == nil || s.Do == plan.Await || s.Do == plan.AwaitStarted || s.Do == plan.StartColor || s.Do == plan.ChangeColor {
			continue
		}
		for _, port := range cluster.PublishedPorts(*s.Spec, api.PortConfigPublishModeIngress) {
			if owner, taken := owners[port]; taken && owner != s.Name {
				f.problem(s.Service, "it publishes port %s, but service %s has that port: publish another port%s", port, owner, f.meant(owner))
			}
			owners[port] = s.Name
		}
	}
}

// defaultSubnet is the first network that Swarm makes by itself where nothing else was said to
// `docker swarm init`.
const defaultSubnet = "10.0.1.0/24"

// addresses finds networks too small for all tasks that will be on them: both colors, proxies and
// what runs already.
func (f *Findings) addresses(claims []claim) {
	need := map[string]uint64{}
	users := map[string][]string{}
	for _, c := range claims {
		for _, n := range c.step.Spec.TaskTemplate.Networks {
			need[n.Target] += c.tasks
			users[n.Target] = append(users[n.Target], c.step.Service)
			created := c.step.Do == plan.CreatePlain || c.step.Do == plan.CreateProxies
			if e := c.step.Spec.EndpointSpec; created && (e == nil || e.Mode != api.ResolutionModeDNSRR) {
				need[n.Target]++ // the virtual address of the service
			}
		}
	}
	control := cluster.ControlNetwork(f.project.Name)
	for _, name := range slices.Sorted(maps.Keys(need)) {
		way := "for both colors, proxies and virtual addresses: give it a larger subnet (networks.….ipam.config), or lower deploy.replicas"
		if name == control {
			// Each node has an address there, each service a proxy more while they are replaced, and
			// an order two.
			need[name] += uint64(len(f.seen.Nodes) + len(f.project.Services) + 2)
			way = "for proxies, orders, nodes and virtual addresses: give it a larger one with x-bluegreen.control: {subnet: 10.77.0.0/20} at the top of the file, " +
				"in a range that nothing else uses"
		}
		subnet, known := f.subnet(name)
		room, used := cluster.AddressesOf(subnet), f.seen.UsedAddresses(name, f.tasks)
		if used+need[name] <= room || !f.overlay(name) {
			continue
		}
		slices.Sort(users[name])
		list := &f.Problems
		if !known && name != control {
			list = &f.Warnings
		}
		*list = append(*list, fmt.Sprintf("network %s (%s) has %d addresses, %d are in use and %s need %d more, %s",
			name, subnet, room, used, cluster.Sentence(slices.Compact(users[name])), need[name], way))
	}
}

// overlay says whether a network's addresses are Swarm's.
func (f *Findings) overlay(name string) bool {
	for _, s := range f.plan.Steps {
		if s.Do == plan.CreateNetwork && s.Name == name {
			return s.Network.Create.Driver == "overlay" || s.Network.Create.Driver == ""
		}
	}
	return f.seen.Networks[name].Driver == "overlay"
}

// subnet is the range of a network, and whether that is known: it is chosen when the network is
// made.
func (f *Findings) subnet(name string) (subnet string, known bool) {
	for _, s := range f.plan.Steps {
		if s.Do == plan.CreateNetwork && s.Name == name && s.Network.Create.IPAM != nil && len(s.Network.Create.IPAM.Config) > 0 {
			subnet = s.Network.Create.IPAM.Config[0].Subnet
		}
	}
	if n, ok := f.seen.Networks[name]; ok && len(n.IPAM.Config) > 0 {
		subnet = n.IPAM.Config[0].Subnet
	}
	if subnet == "" {
		return defaultSubnet, false
	}
	return subnet, true
}
