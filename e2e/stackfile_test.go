//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/swarm"
)

// shop is two blue-green services and three plain ones, with most of what real stack files have
// around them.
const shop = `
x-bluegreen: {health: {path: /, interval: 500ms}, drain: 5s, timeout: 5m, proxy: {image: "` + newest + `"}}
x-deploy: &deploy {endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
services:
  web:
    image: app:${V:-v1}
    ports: [{target: 8080, published: 8088, mode: host}]
    networks: [front, back]
    secrets: [password]
    configs: [{source: motd, target: /etc/motd}]
    deploy: {<<: *deploy, replicas: 2, labels: {com.example.team: shop}}
    x-bluegreen: {}
  api:
    image: app:${V:-v1}
    expose: ["8080"]
    networks: {back: {aliases: [backend]}}
    secrets: [{source: password, target: api-password, mode: 0400}]
    deploy: {<<: *deploy}
    x-bluegreen: {proxy: {image: "` + newest + `", deploy: {replicas: 1}}}
  caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080"}
    ports: [{target: 8080, published: 8693, mode: host}]
    networks: [front]
    deploy: {<<: *deploy, placement: {constraints: [node.hostname == n2]}}
  worker:
    image: app:v1
    environment: {APP_CALL: "http://backend:8080"}
    networks: [back]
    ports: [{target: 8080, published: 8091, mode: host}]
    configs: [motd]
    deploy: {<<: *deploy, placement: {constraints: [node.hostname == n2]}}
    depends_on: [api]
  cache:
    image: app:v1
    networks: [back]
    volumes: ["cache:/cache"]
    deploy: {<<: *deploy}
networks:
  front: {name: "${STACK}_public"}
  back: {driver: overlay, attachable: true}
volumes: {cache: {}}
secrets: {password: {file: ./password.txt}}
configs: {motd: {file: ./motd.txt}}
`

// Scenario h: two blue-green services and three plain ones in one file; a flip moves both in one
// order, and an up that finds nothing changed writes nothing.
func TestStackFile(t *testing.T) {
	t.Parallel()
	s := newStack(t, shop)
	s.caller = 8693
	for name, content := range map[string]string{"password.txt": "s3cret", "motd.txt": "hello", ".env": "STACK=" + s.name} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.up("v1")
	s.has("network "+s.name+"_public", "network "+s.name+"_back", "secret "+s.name+"_password", "config "+s.name+"_motd",
		"service "+s.name+"_caller", "service "+s.name+"_worker", "service "+s.name+"_cache")
	if team := s.service("web").Spec.Labels["com.example.team"]; team != "shop" {
		t.Errorf("the proxy has the label com.example.team=%q", team)
	}
	s.callerSees("v1")
	if _, err := s.callerStats(true); err != nil { // there was no web before
		t.Fatal(err)
	}

	s.up("v2")
	s.callerSees("v2")
	versions := s.serviceVersions()
	s.up("v2")
	if now := s.serviceVersions(); !reflect.DeepEqual(now, versions) {
		t.Errorf("an up without changes wrote services: %v, before %v", now, versions)
	}

	before := map[string]string{"web": s.active("web"), "api": s.active("api")}
	orders := s.events(events.ServiceEventType, s.name+"-bluegreen_order-")
	s.must("flip")
	if seen := orders(2); len(seen) > 2 {
		t.Errorf("a flip of two services took several orders: %v", seen)
	}
	for service, color := range before {
		if s.active(service) == color {
			t.Errorf("%s still is %s", service, color)
		}
	}
	s.callerSees("v1")
	s.noFailedCalls()
	s.consistent()
	s.onlyOf(s.service("web"), "secret "+s.name+"_password", "config "+s.name+"_motd")
}

// has fails the test unless the swarm holds these objects for the stack.
func (s *stack) has(names ...string) {
	s.t.Helper()
	all := "\n" + strings.Join(s.objects(), "\n") + "\n"
	for _, n := range names {
		if !strings.Contains(all, "\n"+n+"\n") {
			s.t.Errorf("there is no %s in %s", n, all)
		}
	}
}

// onlyOf fails the test if the proxies hold a secret or config of the app.
func (s *stack) onlyOf(proxy swarm.Service, apps ...string) {
	s.t.Helper()
	c := proxy.Spec.TaskTemplate.ContainerSpec
	for _, x := range c.Secrets {
		s.t.Errorf("the proxies hold the secret %s", x.SecretName)
	}
	for _, x := range c.Configs {
		if strings.Contains(strings.Join(apps, " "), "config "+x.ConfigName) {
			s.t.Errorf("the proxies hold the app's config %s", x.ConfigName)
		}
	}
}
