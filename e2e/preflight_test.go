//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// What cannot work is refused before anything is changed, with the reason and the way out;
// --skip-preflight goes on.
func TestPreflight(t *testing.T) {
	t.Parallel()
	const file = `
services:
  web:
    image: app:v1
    expose: [8080]
    x-bluegreen: {proxy: {image: "HAPROXY"}}
    deploy: {endpoint_mode: dnsrr, DEPLOY}
  other:
    image: app:v1
    deploy: {endpoint_mode: dnsrr, OTHER}
    ports: PORTS
`
	s := newStack(t, "")
	for _, tc := range []struct {
		name, deploy, other, ports string
		says                       []string
	}{
		{"max_replicas_per_node", "replicas: 3, placement: {max_replicas_per_node: 1}", "", "[]", []string{"service web", "3 replicas do not fit on 2 nodes"}},
		{"reservations", "replicas: 2, resources: {reservations: {memory: 900G}}", "", "[]", []string{"service web", "900GiB", "deploy.resources.reservations"}},
		{"placement", "placement: {constraints: [node.labels.nowhere == true]}", "", "[]", []string{"service web", "node.labels.nowhere == true", "--label-add"}},
		{"host port", "replicas: 1", "replicas: 3", "[{target: 8080, published: 8777, mode: host}]", []string{"service other", "8777/tcp", "2 nodes"}},
		{"addresses", "replicas: 1", "replicas: 300", "[]", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := s.in(t)
			s.write(strings.NewReplacer("HAPROXY", newest, "DEPLOY", tc.deploy, "OTHER", tc.other, "PORTS", tc.ports).Replace(file))
			if tc.says == nil { // only told, since the network's range is not known yet
				s.says(s.exits(s.run("up", "--dry-run"), 0), "note: network", "addresses")
				return
			}
			r := s.exits(s.run("up"), 1)
			s.says(r, append(tc.says, "nothing was changed", "--skip-preflight")...)
			if left := s.objects(); len(left) > 0 {
				t.Errorf("the refused up made %v", left)
			}
		})
	}
	s.write(strings.NewReplacer("HAPROXY", newest, "DEPLOY", "placement: {constraints: [node.labels.nowhere == true]}", "OTHER", "", "PORTS", "[]").Replace(file))
	s.says(s.exits(s.run("up", "--skip-preflight", "--timeout", "2s"), 3), "no progress", "no suitable node")
}
