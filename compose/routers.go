package compose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// Routers find services by labels. These are the labels that are read here, by their lower-case
// names:
//
//	Traefik 2 and 3     traefik.http.services.NAME.loadbalancer.server.port, .scheme; traefik.tcp.services.…
//	                    (also .loadbalancer.healthcheck.port, .scheme: a server that does not answer there gets no traffic)
//	                    https://doc.traefik.io/traefik/reference/routing-configuration/other-providers/swarm/
//	Traefik 1           traefik.port, traefik.SEGMENT.port, .protocol, .backend.healthcheck.port, .scheme
//	                    https://doc.traefik.io/traefik/v1.7/configuration/backends/docker/
//	docker-flow-proxy   com.df.port, com.df.port.N, com.df.httpsPort, com.df.reqMode
//	                    https://github.com/docker-flow/docker-flow-proxy/blob/main/docs/usage.md
//	caddy-docker-proxy  caddy.…, caddy_N.… with {{upstreams SCHEME PORT}}; .health_port
//	                    https://github.com/lucaslorentz/caddy-docker-proxy#upstreams
var (
	traefikServer  = lazy(`^traefik\.(http|tcp|udp)\.services\.(.+)\.loadbalancer\.server\.port$`)
	traefikHealth  = lazy(`^traefik\.(http|tcp)\.services\.(.+)\.loadbalancer\.healthcheck\.port$`)
	traefikOne     = lazy(`^traefik\.(?:([^.]+)\.)?port$`)
	traefikOneTest = lazy(`^traefik\.(?:([^.]+)\.)?backend\.healthcheck\.port$`)
	dockerFlow     = lazy(`^com\.df\.(port|httpsport)(\.\d+)?$`)
	caddyLabel     = lazy(`^caddy(_\d+)?(\.|$)`)
	caddyHealth    = lazy(`^caddy(_\d+)?\..*\bhealth_port$`)
	caddyUpstreams = lazy(`\{\{-?\s*upstreams\b([^}]*)\}\}`)
)

// isRouterLabel says whether a label, in lower case, tells a router something.
func isRouterLabel(label string) bool {
	return strings.HasPrefix(label, "traefik.") || strings.HasPrefix(label, "com.df.") || caddyLabel().MatchString(label)
}

// routed is a port that a label sends traffic to.
type routed struct {
	label, port string // as they stand in the file
	mode        string
}

// routedPorts are the modes of the ports that the labels of routers send traffic to.
func routedPorts(labels map[string]string) (map[uint16]string, error) {
	lower := map[string]string{}
	for label, value := range labels {
		lower[strings.ToLower(label)] = value
	}
	if traefikDisabled(labels) {
		labels = maps.Clone(labels)
		maps.DeleteFunc(labels, func(label, _ string) bool { return strings.HasPrefix(strings.ToLower(label), "traefik.") })
	}
	ports := map[uint16]string{}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		for _, r := range routedBy(label, labels[label], lower) {
			port, err := strconv.ParseUint(strings.TrimSpace(r.port), 10, 16)
			if err != nil || port == 0 {
				return nil, fmt.Errorf("label %s: %q is not a port: give a number from 1 to %d", r.label, r.port, bluegreen.MaxPort)
			}
			if r.mode == "" {
				return nil, fmt.Errorf("label %s: the port is UDP, and proxies carry TCP only: the service cannot be blue-green: "+
					"take %s out of it", r.label, bluegreen.Key)
			}
			if old, ok := ports[uint16(port)]; !ok || carries(r.mode) > carries(old) {
				ports[uint16(port)] = r.mode
			}
		}
	}
	return ports, nil
}

// carries ranks modes: where labels differ the one counts that passes on what both mean.
func carries(mode string) int {
	return slices.Index([]string{bluegreen.ModeHTTP, bluegreen.ModeH2, bluegreen.ModeTCP}, mode)
}

// routedBy are the ports that one label sends traffic to; labels are all labels by their lower-case
// names.
func routedBy(label, value string, labels map[string]string) []routed {
	name := strings.ToLower(label)
	if m := traefikServer().FindStringSubmatch(name); m != nil {
		scheme := labels["traefik.http.services."+m[2]+".loadbalancer.server.scheme"]
		modes := map[string]string{"http": schemeMode(scheme), "tcp": bluegreen.ModeTCP}
		return []routed{{label, value, modes[m[1]]}}
	}
	if m := traefikHealth().FindStringSubmatch(name); m != nil {
		service := "traefik.http.services." + m[2] + ".loadbalancer."
		modes := map[string]string{"http": schemeMode(cmp.Or(labels[service+"healthcheck.scheme"], labels[service+"server.scheme"])), "tcp": bluegreen.ModeTCP}
		return []routed{{label, value, modes[m[1]]}}
	}
	if m := traefikOneTest().FindStringSubmatch(name); m != nil {
		segment := strings.TrimSuffix("traefik."+m[1], ".")
		scheme := cmp.Or(labels[segment+".backend.healthcheck.scheme"], labels["traefik.backend.healthcheck.scheme"],
			labels[segment+".protocol"], labels["traefik.protocol"])
		return []routed{{label, value, schemeMode(scheme)}}
	}
	if m := traefikOne().FindStringSubmatch(name); m != nil {
		segment := strings.TrimSuffix("traefik."+m[1], ".")
		return []routed{{label, value, schemeMode(cmp.Or(labels[segment+".protocol"], labels["traefik.protocol"]))}}
	}
	if m := dockerFlow().FindStringSubmatch(name); m != nil {
		return []routed{{label, value, dockerFlowMode(m[1], cmp.Or(labels["com.df.reqmode"+m[2]], labels["com.df.reqmode"]))}}
	}
	if caddyHealth().MatchString(name) {
		return []routed{{label, value, bluegreen.ModeHTTP}}
	}
	if caddyLabel().MatchString(name) {
		return caddyPorts(label, value)
	}
	return nil
}

func schemeMode(scheme string) string {
	switch strings.ToLower(scheme) {
	case "h2c":
		return bluegreen.ModeH2
	case "https":
		return bluegreen.ModeTCP
	default:
		return bluegreen.ModeHTTP
	}
}

func dockerFlowMode(key, reqMode string) string {
	if key == "httpsport" || reqMode != "" && !strings.EqualFold(reqMode, "http") {
		return bluegreen.ModeTCP
	}
	return bluegreen.ModeHTTP
}

// caddyPorts reads {{upstreams https 8443}}. Without a port Caddy takes that of the scheme.
func caddyPorts(label, value string) []routed {
	var out []routed
	for _, m := range caddyUpstreams().FindAllStringSubmatch(value, -1) {
		port, scheme := "", ""
		for _, word := range strings.Fields(strings.NewReplacer(`"`, " ", "`", " ").Replace(m[1])) {
			if _, err := strconv.Atoi(word); err == nil {
				port = word
			} else {
				scheme = word
			}
		}
		if port == "" {
			port = map[bool]string{true: "443", false: "80"}[scheme == "https"]
		}
		out = append(out, routed{label, port, schemeMode(scheme)})
	}
	return out
}

// warnContainerLabels warns of labels for routers that stand on the container: those who read them
// there would find the tasks of both colors.
func (m *model) warnContainerLabels(s Service) {
	var found []string
	for label := range s.Spec.TaskTemplate.ContainerSpec.Labels {
		if isRouterLabel(strings.ToLower(label)) {
			found = append(found, label)
		}
	}
	if len(found) == 0 {
		return
	}
	what := "this label is"
	if len(found) > 1 {
		what = fmt.Sprintf("this label and %d more are", len(found)-1)
	}
	m.warnf(s.Name, "labels: %s: %s on the containers of both colors, and a router that reads labels of containers sends requests to the old "+
		"release and the new one: move them to deploy.labels", slices.Min(found), what)
}

var (
	traefikRule    = lazy(`^traefik\.((?:http|tcp)\.routers\..+)\.rule$`)
	traefikOneRule = lazy(`^traefik\.(?:([^.]+)\.)?frontend\.rule$`)
	dockerFlowPath = lazy(`^com\.df\.servicepath(\.\d+)?$`)
	caddySite      = lazy(`^caddy(_\d+)?$`)
)

// RouterRules are the rules by which routers send requests to a service, as its labels have them,
// by a text that is the same for two rules that are for the same requests.
func RouterRules(labels map[string]string) map[string]string {
	lower := map[string]string{}
	for label, value := range labels {
		lower[strings.ToLower(label)] = value
	}
	if traefikDisabled(labels) {
		maps.DeleteFunc(lower, func(label, _ string) bool { return strings.HasPrefix(label, "traefik.") })
	}
	rules := map[string]string{}
	for label, value := range lower {
		rule := strings.Join(strings.Fields(value), " ")
		if m := traefikRule().FindStringSubmatch(label); m != nil {
			rules["traefik "+rule+" "+lower["traefik."+m[1]+".entrypoints"]] = rule
		}
		if traefikOneRule().MatchString(label) {
			rules["traefik 1 "+rule] = rule
		}
		if m := dockerFlowPath().FindStringSubmatch(label); m != nil {
			domain := cmp.Or(lower["com.df.servicedomain"+m[1]], lower["com.df.servicedomain"])
			rules["docker-flow "+domain+" "+rule+" "+lower["com.df.srcport"+m[1]]] = domain + rule
		}
		if caddySite().MatchString(label) && rule != "" && !strings.HasPrefix(rule, "(") {
			rules["caddy "+rule] = rule
		}
	}
	return rules
}
