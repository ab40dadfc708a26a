// Package preflight finds what a plan could not do on a swarm as it is now.
package preflight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"
	sizes "github.com/docker/go-units"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// claim is what a step wants of the nodes: tasks beside all that runs.
type claim struct {
	step     plan.Step
	eligible []api.Node
	tasks    uint64 // how many new ones; of a global service one for each eligible node
}

// Findings finds what cannot work, before anything is changed. It says so only where Swarm could
// not schedule it as things are; problems are reasons to refuse, warnings are not.
type Findings struct {
	project  *compose.Project
	plan     plan.Plan
	seen     *cluster.Snapshot
	tasks    []api.Task // those that are wanted or not ended, of all services
	Problems []string
	Warnings []string
}

// Examine looks at the plan for a project, and at all tasks of the swarm.
func Examine(ctx context.Context, o *cluster.Cluster, p *compose.Project, seen *cluster.Snapshot, todo plan.Plan) (*Findings, error) {
	tasks, err := o.Now().AllTasks(ctx)
	if err != nil {
		return nil, err
	}
	f := &Findings{project: p, plan: todo, seen: seen, tasks: tasks}
	f.check()
	return f, nil
}

// Err is the error for all problems; nil when there is none.
func (f *Findings) Err() error {
	if len(f.Problems) == 0 {
		return nil
	}
	return errors.New("nothing was changed, because this cannot work:\n  " + strings.Join(f.Problems, "\n  ") +
		"\ncorrect this and run the command again, or skip these checks with --skip-preflight")
}

func (f *Findings) check() {
	f.tasks = slices.DeleteFunc(slices.Clone(f.tasks), func(t api.Task) bool {
		return cluster.Ended(t) || !cluster.Wanted(t) || f.leaves(t)
	})
	var claims []claim
	for _, s := range f.plan.Steps {
		if s.Spec == nil || !f.startsTasks(s) {
			continue
		}
		c := f.claimOf(s)
		claims = append(claims, c)
		f.placement(c)
		f.listed(c)
		f.reservations(c)
		f.sharedVolumes(s)
	}
	f.hostPorts(claims)
	f.ingressPorts()
	f.secondStack()
	f.addresses(claims)
	f.managers()
	f.Problems = slices.Compact(f.Problems) // colors and proxies often want the same
}

func (f *Findings) problem(service, format string, args ...any) {
	f.Problems = append(f.Problems, "service "+service+": "+fmt.Sprintf(format, args...))
}

// startsTasks says whether a step starts tasks beside those that run.
func (f *Findings) startsTasks(s plan.Step) bool {
	if s.Do == plan.UpdatePlain {
		names := cluster.NetworkNames(f.seen.Networks)
		diff := plan.Flatten(*s.Spec, names).Differences(plan.Flatten(f.seen.Plain[s.Service].Spec, names))
		return slices.ContainsFunc(diff, func(path string) bool {
			return plan.InTask(path) || strings.HasPrefix(path, "Mode") || strings.HasPrefix(path, "EndpointSpec")
		})
	}
	return s.Do.Traits().Starts
}

// leaves says whether a task goes before the new ones of its service come: those of the idle color,
// and of a plain service that is updated.
func (f *Findings) leaves(t api.Task) bool {
	name := f.seen.ServiceNames[t.ServiceID]
	return slices.ContainsFunc(f.plan.Steps, func(s plan.Step) bool {
		return s.Name == name && (s.Do == plan.StopColor || s.Do == plan.UpdatePlain || s.Do == plan.StartColor)
	})
}

func (f *Findings) claimOf(s plan.Step) claim {
	c := claim{step: s}
	p := s.Spec.TaskTemplate.Placement
	for _, id := range slices.Sorted(maps.Keys(f.seen.Nodes)) {
		n := f.seen.Nodes[id]
		if !cluster.IsUp(n) || n.Spec.Availability != api.NodeAvailabilityActive {
			continue
		}
		if p == nil || meets(n, p.Constraints) && runsOn(n, p.Platforms) {
			c.eligible = append(c.eligible, n)
		}
	}
	switch {
	case cluster.Replicas(*s.Spec) != nil:
		c.tasks = *cluster.Replicas(*s.Spec)
	case s.Spec.Mode.ReplicatedJob != nil:
		c.tasks = min(*plan.OrOne(s.Spec.Mode.ReplicatedJob.MaxConcurrent), plan.Completions(s.Spec.Mode.ReplicatedJob))
	default:
		c.tasks = uint64(len(c.eligible))
	}
	return c
}

// what names the tasks of a claim.
func (c claim) what() string {
	switch c.step.Do {
	case plan.StartColor:
		return string(c.step.Color)
	case plan.CreateProxies, plan.Adopt:
		return "its proxies"
	}
	return "its tasks"
}

// placement finds services for which there are too few nodes.
func (f *Findings) placement(c claim) {
	p := c.step.Spec.TaskTemplate.Placement
	if c.tasks == 0 || p == nil && len(c.eligible) > 0 {
		return
	}
	switch {
	case len(c.eligible) == 0 && (p == nil || len(p.Constraints)+len(p.Platforms) == 0):
		f.problem(c.step.Service, "no node takes tasks: see `docker node ls`, and make one active with `docker node update --availability active NODE`")
	case len(c.eligible) == 0 && len(p.Constraints) > 0:
		f.problem(c.step.Service, "no node that takes tasks meets deploy.placement.constraints (%s): label one with `docker node update --label-add`, or change the constraints",
			strings.Join(p.Constraints, ", "))
	case len(c.eligible) == 0:
		f.problem(c.step.Service, "no node that takes tasks has a platform of the image (%s): add such a node, or build the image for another platform", platformNames(p.Platforms))
	case p.MaxReplicas > 0 && c.tasks > p.MaxReplicas*uint64(len(c.eligible)):
		f.problem(c.step.Service, "%s: %d replicas do not fit on %d nodes with max_replicas_per_node: %d: raise it, add nodes or lower deploy.replicas",
			c.what(), c.tasks, len(c.eligible), p.MaxReplicas)
	}
}

// listed finds more tasks of a color, or more proxies, than docker's DNS lists: proxies would not
// find all of them.
func (f *Findings) listed(c claim) {
	proxies := c.step.Do == plan.CreateProxies || c.step.Do == plan.Adopt
	if c.tasks <= bluegreen.MaxReplicas || c.step.Color == cluster.None {
		return
	}
	key := "deploy"
	if proxies {
		key = "x-bluegreen.proxy.deploy"
	}
	way := fmt.Sprintf("run fewer and larger ones (%s.replicas, or `docker service scale`)", key)
	if cluster.Replicas(*c.step.Spec) == nil {
		way = fmt.Sprintf("choose fewer nodes with %s.placement.constraints", key)
	}
	f.problem(c.step.Service, "%s: %d tasks are more than %d, and one answer of docker's DNS lists no more: %s", c.what(), c.tasks, bluegreen.MaxReplicas, way)
}

func platformNames(platforms []api.Platform) string {
	var names []string
	for _, p := range platforms {
		names = append(names, strings.Trim(p.OS+"/"+p.Architecture, "/"))
	}
	return strings.Join(names, ", ")
}

// reservations finds services whose new tasks reserve more than is left beside those that run.
func (f *Findings) reservations(c claim) {
	r := c.step.Spec.TaskTemplate.Resources
	if r == nil || r.Reservations == nil || c.tasks == 0 || len(c.eligible) == 0 {
		return
	}
	want := *r.Reservations
	room := uint64(0)
	var most api.Resources
	for _, n := range c.eligible {
		free := f.free(n)
		most.NanoCPUs, most.MemoryBytes = max(most.NanoCPUs, free.NanoCPUs), max(most.MemoryBytes, free.MemoryBytes)
		room += fit(free, want, c.tasks)
	}
	if room >= c.tasks {
		return
	}
	both := ""
	if c.step.Do == plan.StartColor {
		both = "; while a release starts, both colors run"
	}
	f.problem(c.step.Service, "%s: %s %s, and there is room for %d on %d nodes (the emptiest has %s free)%s: lower deploy.resources.reservations, or add a node",
		c.what(), tasksOf(c.tasks), reserving(c.tasks, amount(want)), room, len(c.eligible), amount(most), both)
}

// tasksOf is a number of tasks in words.
func tasksOf(n uint64) string {
	if n == 1 {
		return "1 task"
	}
	return fmt.Sprintf("%d tasks", n)
}

func reserving(n uint64, what string) string {
	if n == 1 {
		return "that reserves " + what
	}
	return "that reserve " + what + " each"
}

// free is what nobody has reserved on a node.
func (f *Findings) free(n api.Node) api.Resources {
	free := n.Description.Resources
	free.GenericResources = nil
	kinds := genericKinds(n.Description.Resources.GenericResources)
	for _, t := range f.tasks {
		if t.NodeID != n.ID || t.Spec.Resources == nil || t.Spec.Resources.Reservations == nil {
			continue
		}
		used := t.Spec.Resources.Reservations
		free.NanoCPUs -= used.NanoCPUs
		free.MemoryBytes -= used.MemoryBytes
		for kind, n := range genericKinds(used.GenericResources) {
			kinds[kind] -= n
		}
	}
	for kind, n := range kinds {
		free.GenericResources = append(free.GenericResources, api.GenericResource{DiscreteResourceSpec: &api.DiscreteGenericResource{Kind: kind, Value: n}})
	}
	return free
}

func genericKinds(list []api.GenericResource) map[string]int64 {
	kinds := map[string]int64{}
	for _, g := range list {
		switch {
		case g.DiscreteResourceSpec != nil:
			kinds[g.DiscreteResourceSpec.Kind] += g.DiscreteResourceSpec.Value
		case g.NamedResourceSpec != nil:
			kinds[g.NamedResourceSpec.Kind]++
		}
	}
	return kinds
}

// fit is how many tasks, up to most, fit into what is free.
func fit(free, want api.Resources, most uint64) uint64 {
	n := int64(most)
	limit := func(have, each int64) {
		if each > 0 {
			n = min(n, max(have, 0)/each)
		}
	}
	limit(free.NanoCPUs, want.NanoCPUs)
	limit(free.MemoryBytes, want.MemoryBytes)
	kinds := genericKinds(free.GenericResources)
	for kind, each := range genericKinds(want.GenericResources) {
		limit(kinds[kind], each)
	}
	return uint64(n)
}

func amount(r api.Resources) string {
	var parts []string
	if r.NanoCPUs != 0 {
		parts = append(parts, fmt.Sprintf("%.2g CPUs", float64(r.NanoCPUs)/1e9))
	}
	if r.MemoryBytes != 0 {
		parts = append(parts, sizes.BytesSize(float64(max(r.MemoryBytes, 0)))+" of memory")
	}
	kinds := genericKinds(r.GenericResources)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// managers warns of managers before and after engine 25.
func (f *Findings) managers() {
	text := cluster.MixedManagers(slices.Collect(maps.Values(f.seen.Nodes)))
	if text != "" && slices.ContainsFunc(f.plan.Steps, func(s plan.Step) bool { return s.Settings != nil }) {
		f.Warnings = append(f.Warnings, text+": update all managers first")
	}
}

// sharedVolumes warns of what both colors of a service write to at once.
func (f *Findings) sharedVolumes(s plan.Step) {
	if s.Do != plan.StartColor {
		return
	}
	var shared []string
	for _, m := range s.Spec.TaskTemplate.ContainerSpec.Mounts {
		onDisk := m.Type == "volume" || m.Type == "bind" || m.Type == "cluster"
		if onDisk && m.Source != "" && !m.ReadOnly && !strings.HasSuffix(m.Source, ".sock") {
			shared = append(shared, fmt.Sprintf("%s (at %s)", m.Source, m.Target))
		}
	}
	if len(shared) > 0 {
		f.Warnings = append(f.Warnings, fmt.Sprintf("service %s: while a release starts, both colors run and write to %s: mount it read_only, or make sure that two releases can share it",
			s.Service, cluster.Sentence(shared)))
	}
}
