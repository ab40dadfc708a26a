//go:build linux

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// What the demo lays over the example changes where it runs, and nothing else.
func TestOverride(t *testing.T) {
	for name, ingress := range map[string]bool{"with the ingress mesh": true, "without it": false} {
		t.Run(name, func(t *testing.T) {
			p := overridden(t, ingress)
			if len(p.Services) != 3 {
				t.Errorf("%d services, want web, api and cache", len(p.Services))
			}
			for _, s := range p.Services {
				image := s.Spec.TaskTemplate.ContainerSpec.Image
				if !strings.HasPrefix(image, appImage+":v") {
					t.Errorf("%s runs %s", s.Name, image)
				}
				if c := s.Spec.TaskTemplate.Placement.Constraints; !slices.Equal(c, []string{"node.id == n0de"}) {
					t.Errorf("%s is placed by %v", s.Name, c)
				}
				if want := s.Name != "cache"; (s.BlueGreen != nil) != want || want && s.BlueGreen.Proxy.Image != "proxy:1" {
					t.Errorf("%s: %+v", s.Name, s.BlueGreen)
				}
				if virtual := s.Spec.EndpointSpec.Mode != swarm.ResolutionModeDNSRR; virtual != ingress {
					t.Errorf("%s: endpoint mode %s, ingress %t", s.Name, s.Spec.EndpointSpec.Mode, ingress)
				}
				if s.Name == "web" && (len(s.Spec.EndpointSpec.Ports) != 1 || s.Spec.EndpointSpec.Ports[0].PublishedPort != 18080) {
					t.Errorf("web publishes %v", s.Spec.EndpointSpec.Ports)
				}
			}
		})
	}
}

func overridden(t *testing.T, ingress bool) *compose.Project {
	t.Helper()
	file, err := writeOverride(t.TempDir(), override{Node: "n0de", HAProxy: "proxy:1", Target: shop.port, Port: 18080, Ingress: ingress, Beside: shop.beside})
	if err != nil {
		t.Fatal(err)
	}
	p, err := compose.Load(t.Context(), compose.Options{
		Files: []string{"../../examples/shop/compose.yaml", file}, Name: shop.stack, Environ: []string{"IMAGE=" + appImage},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
