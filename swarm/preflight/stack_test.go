package preflight

import (
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// plainOf is a plain service of a stack as docker stack deploy makes it, with ports of the ingress
// mesh.
func plainOf(stack, name, image string, published []string, labels map[string]string) api.Service {
	svc := api.Service{ID: "id of " + stack + "_" + name}
	svc.Spec.Name = stack + "_" + name
	svc.Spec.Labels = map[string]string{cluster.LabelNamespace: stack, cluster.LabelImage: image}
	for k, v := range labels {
		svc.Spec.Labels[k] = v
	}
	svc.Spec.TaskTemplate.ContainerSpec = &api.ContainerSpec{Image: image}
	svc.Spec.EndpointSpec = &api.EndpointSpec{}
	svc.Spec.Mode.Replicated, svc.ServiceStatus = &api.ReplicatedService{Replicas: new(uint64(1))}, &api.ServiceStatus{}
	for _, port := range published {
		p := api.PortConfig{Protocol: api.PortConfigProtocolTCP, TargetPort: 80, PublishMode: api.PortConfigPublishModeIngress}
		for _, digit := range port {
			p.PublishedPort = p.PublishedPort*10 + uint32(digit-'0')
		}
		svc.Spec.EndpointSpec.Ports = append(svc.Spec.EndpointSpec.Ports, p)
	}
	return svc
}

// behindTraefik is a stack file as it is deployed under the name shop.
const behindTraefik = `
services:
  web:
    image: registry.example.com/shop/web:2
    deploy: {labels: {traefik.http.routers.web.rule: "Host(` + "`shop.example.com`" + `)", traefik.http.routers.web.entrypoints: https, traefik.http.services.web.loadbalancer.server.port: 80}}
    x-bluegreen: {}
  db: {image: "postgres:16"}
`

// A second stack with the services of one that runs is refused, with the name of that one; a stack
// that has only a db in common with another is not, nor one whose name was given.
func TestSecondStack(t *testing.T) {
	rule := map[string]string{"traefik.http.routers.shop.rule": "Host(`shop.example.com`)", "traefik.http.routers.shop.entrypoints": "https"}
	const sameRule = "service web: a router would send requests for Host(`shop.example.com`) to it and to service prod_web: give it another rule"
	const meant = "; if you mean stack prod, run the command with `-p prod`"
	for _, tc := range []struct {
		name  string
		file  string
		named bool
		seen  func(*cluster.Snapshot)
		want  string
	}{
		{"nothing runs", behindTraefik, false, func(*cluster.Snapshot) {}, ""},
		{"the same rule", behindTraefik, true, func(s *cluster.Snapshot) { s.Add(plainOf("prod", "web", "other", nil, rule)) }, sameRule + meant},
		{"the same rule before proxies", behindTraefik, true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod-bluegreen", "web", "haproxy", nil, map[string]string{cluster.LabelStack: "prod", cluster.LabelService: "web", cluster.LabelRole: cluster.RoleProxy,
				"traefik.http.routers.shop.rule": "Host(`shop.example.com`)", "traefik.http.routers.shop.entrypoints": "https"}))
		}, strings.Replace(sameRule, "prod_web", "prod-bluegreen_web", 1) + meant},
		{"the same rule at another entry point", behindTraefik, true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "other", nil, map[string]string{"traefik.http.routers.shop.rule": "Host(`shop.example.com`)"}))
		}, ""},
		{"a router that is turned off", behindTraefik, true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "other", nil, map[string]string{"traefik.enable": "false", "traefik.http.routers.shop.rule": "Host(`shop.example.com`)", "traefik.http.routers.shop.entrypoints": "https"}))
		}, ""},
		{"the same images", behindTraefik, false, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "registry.example.com/shop/web:1", nil, nil))
			s.Add(plainOf("prod", "db", "postgres:15", nil, nil))
		}, "stack prod already runs db, web with the same images, and shop would be a second stack: " +
			"if you mean stack prod, run the command with `-p prod`; for a second stack, with `-p shop`"},
		{"the same images before proxies", behindTraefik, false, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod-bluegreen", "web-blue", "registry.example.com/shop/web:1", nil, map[string]string{cluster.LabelStack: "prod", cluster.LabelService: "web", cluster.LabelRole: cluster.RoleColor}))
		}, "stack prod already runs web with the same images, and shop would be a second stack: " +
			"if you mean stack prod, run the command with `-p prod`; for a second stack, with `-p shop`"},
		{"the same images under a name that was given", behindTraefik, true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "registry.example.com/shop/web:1", nil, nil))
		}, ""},
		{"the same db", behindTraefik, false, func(s *cluster.Snapshot) { s.Add(plainOf("blog", "db", "postgres:16", nil, nil)) }, ""},
		{"all plain services", "services: {db: {image: 'postgres:16'}, cache: {image: redis}}", false, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "db", "postgres:16", nil, nil))
			s.Add(plainOf("prod", "cache", "redis:7", nil, nil))
		}, "stack prod already runs cache, db with the same images, and shop would be a second stack: " +
			"if you mean stack prod, run the command with `-p prod`; for a second stack, with `-p shop`"},
		{"the stack is there", behindTraefik, false, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "registry.example.com/shop/web:1", nil, rule))
			s.Add(plainOf("shop", "web", "registry.example.com/shop/web:1", nil, nil))
		}, ""},
		{"a service without a stack", behindTraefik, false, func(s *cluster.Snapshot) {
			svc := plainOf("", "web", "registry.example.com/shop/web:1", nil, rule)
			delete(svc.Spec.Labels, cluster.LabelNamespace)
			svc.Spec.Name = "web"
			s.Add(svc)
		}, strings.Replace(sameRule, "prod_web", "web", 1)},
		{"caddy-docker-proxy", "services: {web: {image: a, deploy: {labels: {caddy: shop.example.com, caddy.reverse_proxy: '{{upstreams 80}}'}}}}", true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "other", nil, map[string]string{"caddy_0": "shop.example.com"}))
		}, strings.Replace(sameRule, "Host(`shop.example.com`)", "shop.example.com", 1) + meant},
		{"docker-flow-proxy", "services: {web: {image: a, deploy: {labels: {com.df.servicePath: /shop, com.df.serviceDomain: example.com, com.df.port: 80}}}}", true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "other", nil, map[string]string{"com.df.servicePath.1": "/shop", "com.df.serviceDomain": "example.com"}))
		}, strings.Replace(sameRule, "Host(`shop.example.com`)", "example.com/shop", 1) + meant},
		{"Traefik 1", "services: {web: {image: a, deploy: {labels: {traefik.frontend.rule: 'Host:shop.example.com', traefik.port: 80}}}}", true, func(s *cluster.Snapshot) {
			s.Add(plainOf("prod", "web", "other", nil, map[string]string{"traefik.web.frontend.rule": "Host:shop.example.com"}))
		}, strings.Replace(sameRule, "Host(`shop.example.com`)", "Host:shop.example.com", 1) + meant},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := workers()
			tc.seen(seen)
			p := plantest.LoadShop(t, tc.file)
			p.Named = tc.named
			f := &Findings{project: p, seen: seen, tasks: placed(seen), plan: plantest.For(t, seen, tc.file, plan.UpOptions{})}
			f.check()
			if got := strings.Join(f.Problems, "\n"); got != tc.want {
				t.Errorf("\n got: %s\nwant: %s", got, tc.want)
			}
		})
	}
}
