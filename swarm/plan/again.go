package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// ForRollbackTo returns the plan that brings an earlier release of one service back, from what is
// written down of it: as a new release, which is started on the idle color and gets all traffic
// when it is ready. A release that the idle color still holds is not started anew.
func ForRollbackTo(seen *cluster.Snapshot, opts FlipOptions) (Plan, error) {
	names, err := seen.Names(opts.Services)
	if err != nil {
		return Plan{Command: Rollback, Stack: seen.Stack}, err
	}
	if len(names) > 1 {
		return Plan{Command: Rollback, Stack: seen.Stack}, fmt.Errorf("each service has releases of its own: name the service that goes back to release %d: %s", opts.Release, strings.Join(names, ", "))
	}
	p, err := forEach(Rollback, seen, names, func(b *cluster.BlueGreen, route haproxy.Route, settings *bluegreen.Settings) ([]Step, error) {
		return again(seen, b, route, settings, opts)
	})
	p.Cause = opts.Reason
	return p, err
}

// holds says whether a color holds a release, or another one that is the same once more.
func holdsRelease(svc *api.Service, number int) bool {
	return svc != nil && (cluster.ReleaseOf(svc.Spec) == number || svc.Spec.Labels[cluster.LabelAgain] == strconv.Itoa(number))
}

func again(seen *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, settings *bluegreen.Settings, opts FlipOptions) ([]Step, error) {
	active := cluster.Color(route.Color)
	idle := active.Other()
	past := seen.Release(b.Name, opts.Release)
	switch {
	case holdsRelease(b.Colors[active], opts.Release) && route.Share == 0:
		return nil, nil
	case holdsRelease(b.Colors[active], opts.Release):
		return takenBack(b, route, Rollback), nil
	case past == nil && !holdsRelease(b.Colors[idle], opts.Release):
		return nil, fmt.Errorf("service %s: release %d is not in the history, which has %s: run `docker bluegreen up` with the file of that release",
			b.Name, opts.Release, inHistory(seen.Releases[b.Name]))
	}
	var steps []Step
	keep, made := settings.Kept(), cluster.None
	switch {
	case route.Share > 0:
		steps = append(steps, takenBack(b, route, Rollback)...)
	case route.Guard.On:
		steps = append(steps, unguarded(b, route))
	}
	if len(steps) > 0 {
		route = steps[len(steps)-1].To
	}
	if holdsRelease(b.Colors[idle], opts.Release) {
		steps = append(steps, warmed(b.Colors[idle], idle)...)
	} else {
		starts, err := startedAgain(seen, b, past, settings)
		if err != nil {
			return nil, err
		}
		steps, keep, made = append(steps, starts...), keep-1, idle
	}
	flip := flipTo(b, route, idle, fmt.Sprintf("release %d again", opts.Release))
	flip.Waits = true
	steps = append(steps, flip)
	if settings.Keep == bluegreen.KeepCold && b.Colors[active] != nil {
		steps = append(steps, retired(b, active, settings))
	}
	for _, r := range seen.Outdated(b, keep, made) {
		if r != past {
			steps = append(steps, forgotten(r, settings))
		}
	}
	return steps, nil
}

// startedAgain are the steps that make the idle color hold an earlier release, under a new number.
func startedAgain(seen *cluster.Snapshot, b *cluster.BlueGreen, past *cluster.Release, settings *bluegreen.Settings) ([]Step, error) {
	idle := b.Active().Other()
	spec := cluster.Clone(past.Spec)
	if err := lacks(seen, b.Name, past.Number, spec); err != nil {
		return nil, err
	}
	if live := b.Colors[b.Active()]; live != nil { // the number of replicas is not part of a release
		if r := cluster.Replicas(cluster.Started(live.Spec)); r != nil && cluster.Replicas(spec) != nil {
			spec.Mode.Replicated.Replicas = r
			cluster.SetLabels(&spec, map[string]string{cluster.LabelReplicas: live.Spec.Labels[cluster.LabelReplicas]})
		}
	}
	if err := unpublished(b, past.Number, spec); err != nil {
		return nil, err
	}
	number := seen.LastRelease(b) + 1
	recolor(seen.Stack, b.Name, past.Color, idle, &spec)
	cluster.SetLabels(&spec, map[string]string{cluster.LabelRelease: strconv.Itoa(number), cluster.LabelAgain: strconv.Itoa(past.Number)})
	cause := fmt.Sprintf("release %d: it is release %d again", number, past.Number)
	var steps []Step
	if live := b.Colors[idle]; live != nil {
		steps = append(steps, Step{Do: StopColor, Name: spec.Name, Color: idle,
			Cause: fmt.Sprintf("release %d makes room for release %d", cluster.ReleaseOf(live.Spec), number)})
	}
	proxies, err := rewritten(seen, b, idle, spec, settings)
	if err != nil {
		return nil, err
	}
	start := Step{Do: StartColor, Name: spec.Name, Color: idle, Spec: &spec, Release: number, Image: past.Image, Cause: cause}
	return append(append(steps, proxies...), start), nil
}

// unpublished is the error for a release that does not have a port which the proxies publish: they
// would answer 503 there. If either release has one port only, the proxies lead from one to the
// other.
func unpublished(b *cluster.BlueGreen, number int, spec api.ServiceSpec) error {
	has := func(spec api.ServiceSpec, target uint32) bool {
		r, _ := cluster.ProxiedPorts(spec)
		return slices.ContainsFunc(r.Ports, func(p bluegreen.Port) bool { return uint32(p.Target) == target })
	}
	live := b.Colors[b.Active()]
	if e := b.Proxy.Spec.EndpointSpec; e != nil && live != nil && !single(live.Spec, spec) {
		for _, p := range e.Ports {
			if has(live.Spec, p.TargetPort) && !has(spec, p.TargetPort) {
				return fmt.Errorf("service %s: release %d does not listen on port %d, which is published as %d: run `docker bluegreen up` with the file of that release",
					b.Name, number, p.TargetPort, p.PublishedPort)
			}
		}
	}
	return nil
}

// single says whether all of these releases have one port.
func single(specs ...api.ServiceSpec) bool {
	return !slices.ContainsFunc(specs, func(spec api.ServiceSpec) bool {
		r, _ := cluster.ProxiedPorts(spec)
		return len(r.Ports) != 1
	})
}

// recolor turns the spec of one color into that of another.
func recolor(stack, service string, from, to cluster.Color, spec *api.ServiceSpec) {
	spec.Name = cluster.ColorName(stack, service, to)
	spec.Labels[cluster.LabelColor] = string(to)
	for i := range spec.TaskTemplate.Networks {
		aliases := spec.TaskTemplate.Networks[i].Aliases
		for j, a := range aliases {
			switch a {
			case service + "-" + string(from):
				aliases[j] = service + "-" + string(to)
			case cluster.ServersAlias(stack, service, from):
				aliases[j] = cluster.ServersAlias(stack, service, to)
			}
		}
	}
}

// rewritten is the step that gives the proxies other files, where the ports or the health check of
// a release differ from those that they know for its color. All else of theirs is as it was.
func rewritten(seen *cluster.Snapshot, b *cluster.BlueGreen, c cluster.Color, spec api.ServiceSpec, settings *bluegreen.Settings) ([]Step, error) {
	var known string
	if live := b.Colors[c]; live != nil {
		known = live.Spec.Labels[cluster.LabelPorts]
	} else {
		known = string(cluster.MustJSON(settings.Release))
	}
	if known == spec.Labels[cluster.LabelPorts] {
		return nil, nil
	}
	release, ok := cluster.ProxiedPorts(spec)
	if !ok {
		return nil, fmt.Errorf("service %s: what is written down of its release cannot be read: run `docker bluegreen up` with the file of that release", b.Name)
	}
	w := proxyWish{Releases: map[cluster.Color]bluegreen.Release{c: release}}
	if live := b.Colors[c.Other()]; live != nil {
		if r, ok := cluster.ProxiedPorts(live.Spec); ok {
			w.Releases[c.Other()] = r
		}
	}
	w.Slots, _ = strconv.Atoi(b.Proxy.Spec.Labels[cluster.LabelSlots])
	proxy := cluster.Named(b.Proxy.Spec, cluster.NetworkNames(seen.Networks))
	page := pageOf(proxy) // its content is nowhere but in its config
	w.Page = len(page) > 0
	files, err := proxyOf(seen.Stack, compose.Service{Name: b.Name, Spec: proxy, BlueGreen: settings}, w).Files()
	if err != nil {
		return nil, fmt.Errorf("service %s: %w", b.Name, err)
	}
	files[haproxy.RouteFile] = haproxy.RouteTemplate(b.Name)
	proxy.TaskTemplate.ContainerSpec.Configs = slices.SortedFunc(slices.Values(append(FileReferences(seen.Stack, files), page...)),
		func(a, b *api.ConfigReference) int { return strings.Compare(a.File.Name, b.File.Name) })
	proxy.Labels[cluster.LabelTemplates] = haproxy.TemplateVersion
	return []Step{{Do: UpdateProxies, Name: proxy.Name, Color: b.Active(), Spec: &proxy, Files: ByName(seen.Stack, files),
		Cause: "the ports or the health check of the release differ; they are replaced one after the other"}}, nil
}

// pageOf is the reference of proxies to their maintenance page; none if they have none.
func pageOf(proxy api.ServiceSpec) []*api.ConfigReference {
	return slices.DeleteFunc(slices.Clone(proxy.TaskTemplate.ContainerSpec.Configs), func(r *api.ConfigReference) bool {
		return r.File == nil || r.File.Name != haproxy.Dir+"/"+haproxy.PageFile
	})
}

// lacks is the error for a release that needs what the swarm does not have any more.
func lacks(seen *cluster.Snapshot, service string, number int, spec api.ServiceSpec) error {
	var missing []string
	for _, n := range spec.TaskTemplate.Networks {
		if _, ok := seen.Networks[n.Target]; !ok {
			missing = append(missing, "the network "+n.Target)
		}
	}
	for _, r := range spec.TaskTemplate.ContainerSpec.Secrets {
		if _, ok := seen.Secrets[r.SecretName]; !ok {
			missing = append(missing, "the secret "+r.SecretName)
		}
	}
	for _, r := range spec.TaskTemplate.ContainerSpec.Configs {
		if _, ok := seen.Configs[r.ConfigName]; !ok && r.File != nil {
			missing = append(missing, "the config "+r.ConfigName)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("service %s: release %d needs %s, and the swarm does not have it any more: run `docker bluegreen up` with the file of that release",
		service, number, cluster.Sentence(missing))
}

// inHistory names the releases that are written down.
func inHistory(list []*cluster.Release) string {
	var numbers []string
	for _, r := range slices.Backward(list) {
		numbers = append(numbers, strconv.Itoa(r.Number))
	}
	if len(numbers) == 0 {
		return "none"
	}
	return strings.Join(numbers, ", ")
}

// forgotten is the step that removes what is written down of a release.
func forgotten(r *cluster.Release, settings *bluegreen.Settings) Step {
	return Step{Do: RemoveConfig, Name: r.Config, Cause: fmt.Sprintf("the history keeps %d releases", settings.Kept())}
}
