package plan

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// servingNetwork returns the name of the network that proxies reach the service's tasks by: one of
// the stack's own where there is one, since on a network shared with other stacks there is more to
// go wrong.
func servingNetwork(p *compose.Project, svc compose.Service) (string, error) {
	var names []string
	for _, n := range svc.Spec.TaskTemplate.Networks {
		names = append(names, n.Target)
	}
	slices.Sort(names)
	for _, n := range names {
		if !p.Networks[n].External {
			return n, nil
		}
	}
	if len(names) == 0 {
		return "", fmt.Errorf("service %s: a blue-green service needs an overlay network: remove network_mode", svc.Name)
	}
	return names[0], nil
}

// colorSpec returns the spec of one color: the compose service itself, without what belongs to the
// proxy.
func colorSpec(p *compose.Project, svc compose.Service, c cluster.Color, release int) (api.ServiceSpec, error) {
	serving, err := servingNetwork(p, svc)
	if err != nil {
		return api.ServiceSpec{}, err
	}
	spec := cluster.Clone(svc.Spec)
	spec.Name = cluster.ColorName(p.Name, svc.Name, c)
	// Service labels are for routers such as Traefik: they must find the proxy, never a color.
	spec.Labels = map[string]string{
		cluster.LabelNamespace: cluster.Namespace(p.Name),
		cluster.LabelImage:     svc.Spec.Labels[cluster.LabelImage],
		cluster.LabelStack:     p.Name,
		cluster.LabelService:   svc.Name,
		cluster.LabelRole:      cluster.RoleColor,
		cluster.LabelColor:     string(c),
		cluster.LabelRelease:   strconv.Itoa(release),
		cluster.LabelPorts:     string(cluster.MustJSON(svc.BlueGreen.Release)),
	}
	if r := cluster.Replicas(spec); r != nil {
		spec.Labels[cluster.LabelReplicas] = strconv.FormatUint(*r, 10)
	}
	container := spec.TaskTemplate.ContainerSpec
	container.Labels = maps.Clone(container.Labels)
	container.Labels[cluster.LabelNamespace] = cluster.Namespace(p.Name)
	spec.EndpointSpec = &api.EndpointSpec{Mode: api.ResolutionModeDNSRR}
	// A color never rolls: it starts from no task at all.
	spec.UpdateConfig, spec.RollbackConfig = nil, nil
	for i := range spec.TaskTemplate.Networks {
		n := &spec.TaskTemplate.Networks[i]
		n.Aliases = []string{svc.Name + "-" + string(c)}
		if n.Target == serving {
			n.Aliases = append(n.Aliases, cluster.ServersAlias(p.Name, svc.Name, c))
		}
	}
	return spec, nil
}

// Sizes of the proxies.
const (
	proxyMaxConn = 20000
	minSlots     = 16
	maxSlots     = 64 // what one DNS answer holds
)

// slotsFor returns for how many tasks of a color the proxies should have room: twice what there is,
// since another number restarts the proxies.
func slotsFor(tasks int) int {
	slots := minSlots
	for slots < 2*tasks && slots < maxSlots {
		slots *= 2
	}
	return slots
}

// proxyWish is all that decides the spec of a proxy service.
type proxyWish struct {
	Releases map[cluster.Color]bluegreen.Release
	Route    haproxy.Route
	Mode     api.ServiceMode
	Slots    int
	// Image is the proxy's image as it goes to the swarm, with its digest when that is known.
	Image string
	// Subnet is the control network's; empty as long as the network does not exist.
	Subnet string
	// Page says that the proxies have a maintenance page.
	Page bool
	// StopFirst says that a new proxy cannot start beside the old one, as with host-mode ports.
	StopFirst bool
}

// proxySpec returns the spec of the proxy service, and the files that it refers to by config name.
func proxySpec(p *compose.Project, svc compose.Service, w proxyWish) (api.ServiceSpec, map[string]string, error) {
	w.Page = svc.MaintenancePage != ""
	proxy := proxyOf(p.Name, svc, w)
	files, err := proxy.Files()
	if err != nil {
		return api.ServiceSpec{}, nil, fmt.Errorf("service %s: %w", svc.Name, err)
	}
	files[haproxy.RouteFile] = haproxy.RouteTemplate(svc.Name)
	if w.Page {
		files[haproxy.PageFile] = svc.MaintenancePage
	}
	base := cluster.Clone(svc.Spec)
	settings := svc.BlueGreen
	spec := api.ServiceSpec{
		Annotations:  api.Annotations{Name: base.Name, Labels: proxyLabels(p.Name, svc, w)},
		Mode:         w.Mode,
		EndpointSpec: base.EndpointSpec,
		UpdateConfig: ProxyUpdate(w.StopFirst),
	}
	spec.RollbackConfig = spec.UpdateConfig
	grace := proxy.StopGrace()
	spec.TaskTemplate = api.TaskSpec{
		ContainerSpec: &api.ContainerSpec{
			Image:           w.Image,
			Command:         haproxy.Command()[:1],
			Args:            haproxy.Command()[1:],
			Labels:          map[string]string{cluster.LabelNamespace: cluster.Namespace(p.Name)},
			Env:             []string{haproxy.SubnetVariable + "=" + w.Subnet},
			Healthcheck:     proxyHealth(),
			StopSignal:      haproxy.StopSignal,
			StopGracePeriod: &grace,
			Configs:         FileReferences(p.Name, files),
		},
		Resources:     settings.Proxy.Resources,
		Placement:     proxyPlacement(base.TaskTemplate.Placement, settings.Proxy.Placement),
		RestartPolicy: &api.RestartPolicy{Condition: api.RestartPolicyConditionAny, Delay: new(time.Second)},
		Networks: append(base.TaskTemplate.Networks, api.NetworkAttachmentConfig{
			Target: cluster.ControlNetwork(p.Name), Aliases: []string{cluster.PeersAlias(p.Name, svc.Name)}}),
	}
	if settings.Guard != nil {
		control := &spec.TaskTemplate.Networks[len(spec.TaskTemplate.Networks)-1]
		control.Aliases = append(control.Aliases, cluster.GuardsAlias(p.Name))
	}
	return spec, ByName(p.Name, files), nil
}

// proxyOf describes the proxies of a service to package haproxy.
func proxyOf(stack string, svc compose.Service, w proxyWish) haproxy.Proxy {
	colors := map[string]haproxy.Color{}
	for _, c := range cluster.Colors {
		release, ok := w.Releases[c]
		if !ok {
			release = svc.BlueGreen.Release // the color does not exist yet: the proxies wait for it
		}
		colors[string(c)] = haproxy.Color{Host: "tasks." + cluster.ServersAlias(stack, svc.Name, c), Release: release}
	}
	proxy := haproxy.Proxy{
		Service: svc.Name, Peers: "tasks." + cluster.PeersAlias(stack, svc.Name), PeerSlots: maxSlots,
		Slots: w.Slots, Colors: colors, Drain: svc.BlueGreen.Drain, Linger: compose.RouterOf(svc.Spec.Labels).Refresh, MaxConn: proxyMaxConn,
	}
	proxy.Canary = svc.BlueGreen.Canary
	proxy.Metrics, proxy.Page = svc.BlueGreen.Metrics, w.Page
	proxy.Guard, proxy.Guards = svc.BlueGreen.Guard, "tasks."+cluster.GuardsAlias(stack)
	if svc.BlueGreen.Preview != nil {
		proxy.Preview = *svc.BlueGreen.Preview
	}
	return proxy
}

func proxyLabels(stack string, svc compose.Service, w proxyWish) map[string]string {
	labels := maps.Clone(svc.Spec.Labels)
	maps.Copy(labels, svc.ProxyLabels)
	maps.Copy(labels, map[string]string{
		cluster.LabelNamespace:        cluster.Namespace(stack),
		cluster.LabelImage:            svc.BlueGreen.Proxy.Image,
		cluster.LabelStack:            stack,
		cluster.LabelService:          svc.Name,
		cluster.LabelRole:             cluster.RoleProxy,
		cluster.LabelAlias + svc.Name: w.Route.String(),
		cluster.LabelSettings:         string(cluster.MustJSON(svc.BlueGreen)),
		cluster.LabelSlots:            strconv.Itoa(w.Slots),
		cluster.LabelTemplates:        haproxy.TemplateVersion,
	})
	return labels
}

// ProxyUpdate is how Swarm replaces proxies: one after the other, the new one first where their
// ports allow it.
func ProxyUpdate(stopFirst bool) *api.UpdateConfig {
	order := api.UpdateOrderStartFirst
	if stopFirst {
		order = api.UpdateOrderStopFirst
	}
	return &api.UpdateConfig{Parallelism: 1, FailureAction: api.UpdateFailureActionPause, Order: order,
		Monitor: 5 * time.Second}
}

// proxyPlacement is the user's for the proxy, else that of the compose service without its limit
// for each node, which is meant for the app.
func proxyPlacement(service, proxy *api.Placement) *api.Placement {
	if proxy != nil {
		return proxy
	}
	if service == nil {
		return nil
	}
	return &api.Placement{Constraints: service.Constraints, Preferences: service.Preferences}
}

// ByName maps the config name of each file to its content.
func ByName(stack string, files map[string]string) map[string]string {
	m := map[string]string{}
	for file, content := range files {
		m[cluster.FileConfig(stack, file, content)] = content
	}
	return m
}

// FileReferences are references to the configs of generated files, sorted by name.
func FileReferences(stack string, files map[string]string) []*api.ConfigReference {
	var refs []*api.ConfigReference
	for _, file := range slices.Sorted(maps.Keys(files)) {
		refs = append(refs, &api.ConfigReference{
			ConfigName: cluster.FileConfig(stack, file, files[file]),
			File:       &api.ConfigReferenceFileTarget{Name: haproxy.Dir + "/" + file, UID: "0", GID: "0", Mode: 0o444},
		})
	}
	return refs
}

// HostPorts says whether a spec publishes a port on the nodes themselves.
func HostPorts(spec api.ServiceSpec) bool {
	return spec.EndpointSpec != nil && slices.ContainsFunc(spec.EndpointSpec.Ports, func(p api.PortConfig) bool {
		return p.PublishMode == api.PortConfigPublishModeHost
	})
}

// proxyHealth is the container's own check: until it passes, no traffic is led to a new proxy. A
// proxy may wait for its app as long as it takes (the start period), and is not ended for the app's
// sake later. Each check starts a process, which takes about 0.15 s of CPU on a slow machine: so it
// is rare, and a machine that has no CPU left for it for a minute must not lose its proxies.
// Engines before 25 know no StartInterval, and there a new proxy gets traffic up to 5 s after it is
// ready.
func proxyHealth() *container.HealthConfig {
	return &container.HealthConfig{
		Test: append([]string{"CMD"}, haproxy.HealthCommand()...), Interval: 5 * time.Second, Timeout: 20 * time.Second,
		StartPeriod: 24 * time.Hour, StartInterval: 500 * time.Millisecond, Retries: 5,
	}
}
