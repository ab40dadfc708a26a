package swarm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// clone returns a deep copy: the client writes into the specs that it is given.
func clone(spec api.ServiceSpec) api.ServiceSpec {
	var c api.ServiceSpec
	if err := json.Unmarshal(mustJSON(spec), &c); err != nil {
		panic(fmt.Sprintf("a service spec does not survive JSON: %v", err)) // the API itself is JSON
	}
	return c
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("not representable as JSON: %v", err)) // only channels and functions are not
	}
	return b
}

// servingNetwork returns the name of the network that proxies reach the service's tasks by: one of the
// stack's own where there is one, since on a network shared with other stacks there is more to go wrong.
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

// colorSpec returns the spec of one color: the compose service itself, without what belongs to the proxy.
func colorSpec(p *compose.Project, svc compose.Service, c Color, release int) (api.ServiceSpec, error) {
	serving, err := servingNetwork(p, svc)
	if err != nil {
		return api.ServiceSpec{}, err
	}
	spec := clone(svc.Spec)
	spec.Name = colorName(p.Name, svc.Name, c)
	// Service labels are for routers such as Traefik: they must find the proxy, never a color.
	spec.Labels = map[string]string{
		LabelNamespace: namespace(p.Name),
		LabelImage:     svc.Spec.Labels[LabelImage],
		LabelStack:     p.Name,
		LabelService:   svc.Name,
		LabelRole:      RoleColor,
		LabelColor:     string(c),
		LabelRelease:   strconv.Itoa(release),
		LabelPorts:     string(mustJSON(svc.BlueGreen.Release)),
	}
	if r := replicas(spec); r != nil {
		spec.Labels[LabelReplicas] = strconv.FormatUint(*r, 10)
	}
	container := spec.TaskTemplate.ContainerSpec
	container.Labels = maps.Clone(container.Labels)
	container.Labels[LabelNamespace] = namespace(p.Name)
	spec.EndpointSpec = &api.EndpointSpec{Mode: api.ResolutionModeDNSRR}
	// A color never rolls: it starts from no task at all.
	spec.UpdateConfig, spec.RollbackConfig = nil, nil
	for i := range spec.TaskTemplate.Networks {
		n := &spec.TaskTemplate.Networks[i]
		n.Aliases = []string{svc.Name + "-" + string(c)}
		if n.Target == serving {
			n.Aliases = append(n.Aliases, serversAlias(p.Name, svc.Name, c))
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

// slotsFor returns for how many tasks of a color the proxies should have room: twice what there is, since
// another number restarts the proxies.
func slotsFor(tasks int) int {
	slots := minSlots
	for slots < 2*tasks && slots < maxSlots {
		slots *= 2
	}
	return slots
}

// proxyWish is all that decides the spec of a proxy service.
type proxyWish struct {
	Releases map[Color]compose.Release
	Route    haproxy.Route
	Mode     api.ServiceMode
	Slots    int
	// Image is the proxy's image as it goes to the swarm, with its digest when that is known.
	Image string
	// Subnet is the control network's; empty as long as the network does not exist.
	Subnet string
	// StopFirst says that a new proxy cannot start beside the old one, as with host-mode ports.
	StopFirst bool
}

// proxySpec returns the spec of the proxy service, and the files that it refers to by config name.
func proxySpec(p *compose.Project, svc compose.Service, w proxyWish) (api.ServiceSpec, map[string]string, error) {
	proxy := proxyOf(p.Name, svc, w)
	files, err := proxy.Files()
	if err != nil {
		return api.ServiceSpec{}, nil, fmt.Errorf("service %s: %w", svc.Name, err)
	}
	files[haproxy.RouteFile] = haproxy.RouteTemplate(svc.Name)
	base := clone(svc.Spec)
	settings := svc.BlueGreen
	spec := api.ServiceSpec{
		Annotations:  api.Annotations{Name: base.Name, Labels: proxyLabels(p.Name, svc, w)},
		Mode:         w.Mode,
		EndpointSpec: base.EndpointSpec,
		UpdateConfig: proxyUpdate(w.StopFirst),
	}
	spec.RollbackConfig = spec.UpdateConfig
	grace := proxy.StopGrace()
	spec.TaskTemplate = api.TaskSpec{
		ContainerSpec: &api.ContainerSpec{
			Image:           w.Image,
			Command:         haproxy.Command()[:1],
			Args:            haproxy.Command()[1:],
			Labels:          map[string]string{LabelNamespace: namespace(p.Name)},
			Env:             []string{haproxy.SubnetVariable + "=" + w.Subnet},
			Healthcheck:     proxyHealth(),
			StopSignal:      haproxy.StopSignal,
			StopGracePeriod: &grace,
			Configs:         fileReferences(p.Name, files),
		},
		Resources:     settings.Proxy.Resources,
		Placement:     proxyPlacement(base.TaskTemplate.Placement, settings.Proxy.Placement),
		RestartPolicy: &api.RestartPolicy{Condition: api.RestartPolicyConditionAny, Delay: new(time.Second)},
		Networks: append(base.TaskTemplate.Networks, api.NetworkAttachmentConfig{
			Target: controlNetwork(p.Name), Aliases: []string{peersAlias(p.Name, svc.Name)}}),
	}
	return spec, named(p.Name, files), nil
}

// proxyOf describes the proxies of a service to package haproxy.
func proxyOf(stack string, svc compose.Service, w proxyWish) haproxy.Proxy {
	colors := map[string]haproxy.Color{}
	for _, c := range Colors {
		release, ok := w.Releases[c]
		if !ok {
			release = svc.BlueGreen.Release // the color does not exist yet: the proxies wait for it
		}
		colors[string(c)] = haproxy.Color{Host: "tasks." + serversAlias(stack, svc.Name, c), Release: release}
	}
	return haproxy.Proxy{
		Service: svc.Name, Peers: "tasks." + peersAlias(stack, svc.Name), PeerSlots: maxSlots,
		Slots: w.Slots, Colors: colors, Drain: svc.BlueGreen.Drain, Linger: compose.RouterOf(svc.Spec.Labels).Refresh, MaxConn: proxyMaxConn,
	}
}

func proxyLabels(stack string, svc compose.Service, w proxyWish) map[string]string {
	labels := maps.Clone(svc.Spec.Labels)
	maps.Copy(labels, svc.ProxyLabels)
	maps.Copy(labels, map[string]string{
		LabelNamespace:        namespace(stack),
		LabelImage:            svc.BlueGreen.Proxy.Image,
		LabelStack:            stack,
		LabelService:          svc.Name,
		LabelRole:             RoleProxy,
		LabelAlias + svc.Name: w.Route.String(),
		LabelSettings:         string(mustJSON(svc.BlueGreen)),
		LabelSlots:            strconv.Itoa(w.Slots),
		LabelTemplates:        haproxy.TemplateVersion,
	})
	return labels
}

func proxyUpdate(stopFirst bool) *api.UpdateConfig {
	order := api.UpdateOrderStartFirst
	if stopFirst {
		order = api.UpdateOrderStopFirst
	}
	return &api.UpdateConfig{Parallelism: 1, FailureAction: api.UpdateFailureActionPause, Order: order,
		Monitor: 5 * time.Second}
}

// proxyPlacement is the user's for the proxy, else that of the compose service without its limit for each
// node, which is meant for the app.
func proxyPlacement(service, proxy *api.Placement) *api.Placement {
	if proxy != nil {
		return proxy
	}
	if service == nil {
		return nil
	}
	return &api.Placement{Constraints: service.Constraints, Preferences: service.Preferences}
}

// named maps the config name of each file to its content.
func named(stack string, files map[string]string) map[string]string {
	m := map[string]string{}
	for file, content := range files {
		m[fileConfig(stack, file, content)] = content
	}
	return m
}

func fileReferences(stack string, files map[string]string) []*api.ConfigReference {
	var refs []*api.ConfigReference
	for _, file := range slices.Sorted(maps.Keys(files)) {
		refs = append(refs, &api.ConfigReference{
			ConfigName: fileConfig(stack, file, files[file]),
			File:       &api.ConfigReferenceFileTarget{Name: haproxy.Dir + "/" + file, UID: "0", GID: "0", Mode: 0o444},
		})
	}
	return refs
}

// replicas returns the number of replicas of a replicated service, and nil for a global one.
func replicas(spec api.ServiceSpec) *uint64 {
	if spec.Mode.Replicated == nil {
		return nil
	}
	if spec.Mode.Replicated.Replicas == nil {
		return new(uint64(1))
	}
	return spec.Mode.Replicated.Replicas
}

// hostPorts says whether a spec publishes a port on the nodes themselves.
func hostPorts(spec api.ServiceSpec) bool {
	return spec.EndpointSpec != nil && slices.ContainsFunc(spec.EndpointSpec.Ports, func(p api.PortConfig) bool {
		return p.PublishMode == api.PortConfigPublishModeHost
	})
}

// proxyHealth is the container's own check: until it passes, no traffic is led to a new proxy. A proxy may wait
// for its app as long as it takes (the start period), and is not ended for the app's sake later.
func proxyHealth() *container.HealthConfig {
	return &container.HealthConfig{
		Test: append([]string{"CMD"}, haproxy.HealthCommand()...), Interval: 2 * time.Second, Timeout: 5 * time.Second,
		StartPeriod: 24 * time.Hour, StartInterval: 500 * time.Millisecond, Retries: 5,
	}
}
