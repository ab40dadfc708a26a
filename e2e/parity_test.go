//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// corpus are the stacks that package compose is compared with docker/cli by. Their images do not
// exist here: what the swarm was given is compared, not what runs.
const corpus = "../compose/testdata/stacks"

// On a real swarm the same file makes the same objects either way, and a stack of docker stack
// deploy is taken over without a write.
func TestSameAsStackDeploy(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"container", "mount-options", "configs", "networks", "healthchecks", "labels", "ports", "volumes"} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, "")
			s.dir = filepath.Join(corpus, name)
			vars := []string{"HOME=/home/user"}
			if content, err := os.ReadFile(filepath.Join(s.dir, "environ")); err == nil {
				vars = append(vars, strings.Split(strings.TrimSpace(string(content)), "\n")...)
			}
			s.external(vars)
			s.exits(s.stackDeployEnv(vars, "-c", "compose.yml"), 0)
			theirs := s.made()
			s.says(s.mustEnv(vars, "up", "-f", "compose.yml", "--detach", "--skip-preflight"), "nothing to do")
			s.must("down")
			s.mustEnv(vars, "up", "-f", "compose.yml", "--detach", "--skip-preflight")
			ours := s.made()
			for object, want := range theirs {
				if got := ours[object]; got != want {
					t.Errorf("%s is\n%s\nand docker stack deploy makes\n%s", object, got, want)
				}
			}
			if len(ours) != len(theirs) {
				t.Errorf("%d objects, docker stack deploy makes %d", len(ours), len(theirs))
			}
			s.must("down") // before what it calls external
		})
	}
}

// external makes what the file calls external, and removes it when the test ends.
func (s *stack) external(vars []string) {
	s.t.Helper()
	p, err := compose.Load(s.t.Context(), compose.Options{Dir: s.dir, Files: []string{"compose.yml"}, Name: s.name, Environ: vars})
	if err != nil {
		s.t.Fatal(err)
	}
	for name, n := range p.Networks {
		if !n.External || name == "host" || name == "none" || name == "bridge" {
			continue
		}
		if _, err := s.engine.NetworkCreate(s.t.Context(), name, network.CreateOptions{Driver: "overlay"}); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { s.docker("network", "rm", name) })
	}
	for name, x := range p.Secrets {
		if x.External {
			s.create("secret", name)
		}
	}
	for name, c := range p.Configs {
		if c.External {
			s.create("config", name)
		}
	}
}

func (s *stack) create(kind, name string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "content")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.docker(kind, "create", name, file)
	s.t.Cleanup(func() { s.docker(kind, "rm", name) })
}

// allocated are the swarm's networks once it has given each of the stack a driver: it does so a
// moment after it has written the network down.
func (s *stack) allocated() (networks []network.Summary) {
	s.t.Helper()
	s.eventually("each network of the stack has a driver", func() bool {
		var err error
		networks, err = s.engine.NetworkList(s.t.Context(), network.ListOptions{})
		return err == nil && !slices.ContainsFunc(networks, func(n network.Summary) bool { return s.mine(n.Labels) && n.Driver == "" })
	})
	return networks
}

// made are all objects of the stack as the swarm holds them, without what differs from one creation
// to the next.
func (s *stack) made() map[string]string {
	s.t.Helper()
	ctx := s.t.Context()
	out := map[string]string{}
	put := func(kind, name string, v any) {
		text, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			s.t.Fatal(err)
		}
		out[kind+" "+name] = string(text)
	}
	networks := s.allocated()
	names := map[string]string{}
	for _, n := range networks {
		names[n.ID] = n.Name
		if s.mine(n.Labels) {
			delete(n.Options, "com.docker.network.driver.overlay.vxlanid_list") // the swarm numbers its networks
			put("network", n.Name, []any{n.Driver, n.Options, n.Labels, n.Attachable, n.Internal, n.EnableIPv6, n.IPAM.Driver, n.IPAM.Options})
		}
	}
	for _, svc := range s.services() {
		put("service", svc.Spec.Name, inspected(svc.Spec, names))
	}
	configs, err := s.engine.ConfigList(ctx, swarm.ConfigListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range configs {
		if s.mine(c.Spec.Labels) {
			put("config", c.Spec.Name, c.Spec)
		}
	}
	secrets, err := s.engine.SecretList(ctx, swarm.SecretListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, x := range secrets {
		if s.mine(x.Spec.Labels) {
			put("secret", x.Spec.Name, x.Spec)
		}
	}
	return out
}

// inspected is a spec with names in the place of ids, and lists whose order means nothing in one
// order.
func inspected(spec swarm.ServiceSpec, networks map[string]string) swarm.ServiceSpec {
	for i := range spec.TaskTemplate.Networks {
		spec.TaskTemplate.Networks[i].Target = networks[spec.TaskTemplate.Networks[i].Target]
	}
	c := spec.TaskTemplate.ContainerSpec
	for _, x := range c.Secrets {
		x.SecretID = ""
	}
	for _, x := range c.Configs {
		x.ConfigID = ""
	}
	sorted(c.Secrets)
	sorted(c.Configs)
	sorted(c.Mounts)
	sorted(c.Hosts)
	if spec.EndpointSpec != nil {
		sorted(spec.EndpointSpec.Ports)
	}
	return spec
}

func sorted[T any](list []T) {
	slices.SortFunc(list, func(a, b T) int {
		x, _ := json.Marshal(a) // types of the API are JSON
		y, _ := json.Marshal(b)
		return strings.Compare(string(x), string(y))
	})
}
