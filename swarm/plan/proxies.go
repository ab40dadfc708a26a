package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// defaultProxies is how many proxies a service gets that does not say.
const defaultProxies = 2

// proxies plans the proxy service: made, adopted from a plain service of the name, or changed in
// place.
func (pl *planner) proxies(svc compose.Service, b *cluster.BlueGreen, route haproxy.Route, releases map[cluster.Color]bluegreen.Release) error {
	plain, adopted := pl.seen.Plain[svc.Name]
	live := b.Proxy
	if live == nil && adopted {
		live = &plain
	}
	wish := proxyWish{Releases: releases, Route: route, Subnet: pl.subnet, Slots: pl.slots(svc, b, live),
		Image: svc.BlueGreen.Proxy.Image, StopFirst: HostPorts(svc.Spec) || live != nil && HostPorts(live.Spec)}
	var err error
	if wish.Mode, err = proxyMode(svc, live, adopted && b.Proxy == nil); err != nil {
		return err
	}
	spec, files, err := proxySpec(pl.project, svc, wish)
	if err != nil {
		return err
	}
	if pl.oldManager() {
		spec.TaskTemplate.ContainerSpec.Healthcheck.StartInterval = 0
	}
	step := Step{Name: spec.Name, Service: svc.Name, Color: cluster.Color(route.Color), Spec: &spec, Files: files, To: route,
		Settings: svc.BlueGreen, Image: svc.BlueGreen.Proxy.Image}
	if color := b.Colors[cluster.Color(route.Color)]; b.Proxy == nil && (color == nil || cluster.ServedBy(color.Spec) == 0) {
		pl.checkPorts(svc, step.Color, Look{Ports: svc.BlueGreen.Ports, Proxies: step.Spec}, nil)
	}
	switch {
	case b.Proxy != nil:
		pl.changeProxies(svc, b, step)
	case adopted:
		return pl.adopt(svc, plain, step)
	default:
		pl.images.apply(&spec, step.Image, nil)
		step.Do, step.Cause = CreateProxies, "there are none"
		pl.add(step)
	}
	return nil
}

// checkPorts plans a look at what a color speaks on those ports that proxies are about to take over
// for the first time; before are those that they have already. On ports of mode tcp anything may be
// spoken.
func (pl *planner) checkPorts(svc compose.Service, c cluster.Color, look Look, before []bluegreen.Port) {
	look.Ports = slices.DeleteFunc(slices.Clone(look.Ports), func(p bluegreen.Port) bool {
		return p.Mode == bluegreen.ModeTCP || slices.Contains(before, p)
	})
	if len(look.Ports) == 0 || pl.opts.SkipPortCheck {
		return
	}
	var texts []string
	for _, p := range look.Ports {
		texts = append(texts, fmt.Sprintf("%d must speak %s", p.Target, p.Mode))
	}
	for i := range pl.steps {
		if s := &pl.steps[i]; s.Do == StartColor && s.Service == svc.Name && s.Color == c {
			s.Look = &look
		}
	}
	pl.add(Step{Do: CheckPorts, Name: cluster.ColorName(pl.project.Name, svc.Name, c), Service: svc.Name, Color: c, Look: &look,
		Settings: svc.BlueGreen, Cause: cluster.Sentence(texts) + " before proxies take traffic there"})
}

// startInterval is in the proxies' healthcheck and unknown to engines before 25. Alone it is no
// reason to replace proxies: not after the engines were updated, and not when a command talks to an
// older manager than the one before.
const startInterval = "TaskTemplate.ContainerSpec.Healthcheck.StartInterval"

// oldManager says whether a manager is older than that: when a command writes no more than a label
// through it, what it does not know is lost, and Swarm would replace all tasks.
func (pl *planner) oldManager() bool {
	for _, n := range pl.seen.Nodes {
		if n.ManagerStatus != nil && cluster.BeforeStartInterval(n) {
			return true
		}
	}
	return false
}

// changeProxies plans the change of running proxies, where there is any. Only what is in the task
// restarts them.
func (pl *planner) changeProxies(svc compose.Service, b *cluster.BlueGreen, step Step) {
	live := b.Proxy
	pl.images.apply(step.Spec, step.Image, &live.Spec)
	for _, l := range []string{cluster.LabelNext, cluster.LabelPrevious, cluster.LabelTripped} {
		cluster.SetLabels(step.Spec, map[string]string{l: live.Spec.Labels[l]})
	}
	diff := pl.flat(*step.Spec).Differences(pl.flat(live.Spec))
	if slices.Contains(diff, startInterval) && len(slices.DeleteFunc(slices.Clone(diff), func(p string) bool { return !restarts(p) })) == 1 {
		step.Spec.TaskTemplate.ContainerSpec.Healthcheck.StartInterval = live.Spec.TaskTemplate.ContainerSpec.Healthcheck.StartInterval
		diff = pl.flat(*step.Spec).Differences(pl.flat(live.Spec))
	}
	switch {
	case len(diff) > 0:
		step.Do, step.Cause = UpdateProxies, changed(diff)
		if live.Spec.Labels[cluster.LabelTemplates] != haproxy.TemplateVersion {
			step.Cause += ", another version of this plugin made their files"
		}
		if slices.ContainsFunc(diff, restarts) {
			step.Cause += "; they are replaced one after the other"
			if step.Spec.UpdateConfig.Order == api.UpdateOrderStopFirst {
				step.Cause += ", each with its port closed meanwhile (host-mode ports)"
			}
		}
		active := b.Colors[cluster.Color(step.To.Color)]
		step.Unserved = active != nil && cluster.IsStopped(active.Spec) && !pl.has(svc.Name, ChangeColor) && pl.flips(svc, active)
		pl.add(step)
		if step.Unserved || short(*live) && !slices.ContainsFunc(diff, restarts) { // then it waits for none, and this comes when they have something to send to
			step.Do, step.Phase = Await, Settle
			if step.Cause = "they become healthy once they have a task to send to"; !step.Unserved {
				step.Cause = lacking(*live)
			}
			pl.add(step)
		}
	case cluster.Paused(*live) != "":
		step.Do, step.Cause = UpdateProxies, cluster.Paused(*live)
		pl.add(step)
	case cluster.Rolling(*live):
		step.Do, step.Cause = Await, "Swarm is replacing the proxies"
		pl.add(step)
	case short(*live):
		step.Do, step.Cause = Await, lacking(*live)
		pl.add(step)
	}
}

// flips says whether this plan gives all traffic to another color than the active one.
func (pl *planner) flips(svc compose.Service, active *api.Service) bool {
	spec, err := pl.colorSpec(svc, cluster.Color(active.Spec.Labels[cluster.LabelColor]), cluster.ReleaseOf(active.Spec), active)
	return err == nil && !pl.waits(svc) && !pl.sameTasks(spec, active.Spec)
}

func lacking(proxies api.Service) string {
	return fmt.Sprintf("%d of %d proxies run", proxies.ServiceStatus.RunningTasks, proxies.ServiceStatus.DesiredTasks)
}

// adopt plans the change of a plain service into the proxy of its own colors.
func (pl *planner) adopt(svc compose.Service, plain api.Service, step Step) error {
	if cluster.IsJob(plain.Spec) {
		return fmt.Errorf("service %s runs as a job (%s) on the swarm, and a job gets no traffic: give the service another name in the file", svc.Name, cluster.ModeOf(plain.Spec))
	}
	if HostPorts(plain.Spec) || HostPorts(svc.Spec) {
		if !pl.opts.AcceptGap {
			return fmt.Errorf("service %s publishes host-mode ports: its tasks must stop before the proxies can take the ports, so adopting it closes them for a few seconds: run the command with --accept-gap, or publish through the ingress mesh", svc.Name)
		}
	}
	pl.images.apply(step.Spec, step.Image, nil)
	step.Do, step.Cause = Adopt, "the service runs without proxies: it becomes the proxy service in place"
	step.Router = compose.RouterOf(plain.Spec.Labels)
	switch e := plain.Spec.EndpointSpec; {
	case e != nil && e.Mode == api.ResolutionModeDNSRR:
		step.Router.ByAddress = nil // there is none
	case step.Router.ByAddress != nil && holds(plain.Spec.Labels, step.Router.ByAddress) && holds(svc.Spec.Labels, step.Router.ByAddress):
		step.Router = compose.Router{} // the file says it; without that the label is of an adoption that was interrupted
	}
	switch router := step.Router; {
	case len(router.ByAddress) > 0:
		step.Cause += fmt.Sprintf("; first its router must send to its virtual address, which takes %s", router.Refresh)
	case router.Refresh > 0 && len(router.ByAddress) == 0 && !pl.opts.AcceptGap:
		return fmt.Errorf("service %s: its tasks end when the proxies take their place, but the router in front may still send to those tasks for up to %s: "+
			"run the command with --accept-gap; no request fails if the app serves on for as long after SIGTERM", svc.Name, router.Refresh)
	}
	pl.add(step)
	return nil
}

// holds says whether labels have those of a part, too.
func holds(labels, part map[string]string) bool {
	for label, value := range part {
		if !strings.EqualFold(labels[label], value) {
			return false
		}
	}
	return true
}

// proxyMode decides mode and number of the proxies. A mode can never change, and a number set by
// hand stays.
func proxyMode(svc compose.Service, live *api.Service, adopted bool) (api.ServiceMode, error) {
	wish := svc.BlueGreen.Proxy
	mode := wish.Mode
	switch {
	case live != nil && mode != "" && mode != cluster.ModeOf(live.Spec):
		return api.ServiceMode{}, fmt.Errorf("service %s: x-bluegreen.proxy.deploy.mode is %s, but its proxies run as %s and Swarm cannot change that: write %s",
			svc.Name, mode, cluster.ModeOf(live.Spec), cluster.ModeOf(live.Spec))
	case live != nil:
		mode = cluster.ModeOf(live.Spec)
	case mode == "" && HostPorts(svc.Spec):
		mode = "global" // a port of a node is open only where a proxy runs
	}
	if mode == "global" {
		return api.ServiceMode{Global: &api.GlobalService{}}, nil
	}
	number := uint64(defaultProxies)
	switch {
	case wish.Replicas != nil:
		number = *wish.Replicas
	case live != nil && !adopted:
		number = *cluster.Replicas(live.Spec)
	}
	if number > bluegreen.MaxReplicas {
		return api.ServiceMode{}, fmt.Errorf("service %s: %d proxies are more than %d, and one answer of docker's DNS lists no more, so that they would not find "+
			"each other: write x-bluegreen.proxy.deploy.replicas: %d", svc.Name, number, bluegreen.MaxReplicas, bluegreen.MaxReplicas)
	}
	return api.ServiceMode{Replicated: &api.ReplicatedService{Replicas: &number}}, nil
}

// slots decides for how many tasks the proxies have room; never less than now, since that would
// restart them, nor less than the tasks of a color that was scaled by hand.
func (pl *planner) slots(svc compose.Service, b *cluster.BlueGreen, live *api.Service) int {
	tasks := len(pl.seen.Nodes)
	if r := cluster.Replicas(svc.Spec); r != nil {
		tasks = int(*r)
	}
	now := 0
	if live != nil {
		now, _ = strconv.Atoi(strings.TrimSpace(live.Spec.Labels[cluster.LabelSlots])) // 0 before an adoption
	}
	slots := max(now, slotsFor(tasks))
	for _, color := range b.Colors {
		if r := cluster.Replicas(color.Spec); r != nil && int(*r) > slots {
			slots = slotsFor(int(*r))
		}
	}
	return slots
}

// controlCreate is the body of the control network's create call.
func controlCreate(p *compose.Project) *compose.Network {
	n := compose.Network{}
	if subnet := p.Control.Subnet; subnet != "" {
		n.Create.IPAM = &network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: subnet}}}
	}
	n.Create.Driver = "overlay"
	n.Create.Internal = true
	n.Create.Labels = map[string]string{cluster.LabelNamespace: cluster.Namespace(p.Name), cluster.LabelStack: p.Name}
	return &n
}
