//go:build e2e

package e2e

import (
	"fmt"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

// production is a service behind a router, as it was deployed by docker stack deploy.
const production = `
version: "3.9"
services:
  web:
    image: app:${V:-v1}
    deploy:
      endpoint_mode: ENDPOINT
      restart_policy: {delay: 1s}
      labels:
        traefik.enable: "true"
        traefik.http.routers.shop.rule: Host(` + "`shop.example.com`" + `)
        traefik.http.services.shop.loadbalancer.server.port: "8080"
    BLUEGREEN
`

func productionFile(endpoint, keys string) string {
	return strings.NewReplacer("ENDPOINT", endpoint, "BLUEGREEN", keys).Replace(production)
}

// settings are those of x-bluegreen for the engines of the lab.
const settings = `x-bluegreen: {health: {path: /, interval: 500ms}, drain: 3s, timeout: 5m, proxy: {image: "` + newest + `"}}`

// Whoever runs `up` as they ran `docker stack deploy`, but without the name, or misspells the key,
// changes nothing: the message says what to write.
func TestWhatIsMeant(t *testing.T) {
	t.Parallel()
	s := newStack(t, productionFile("dnsrr", ""))
	s.exits(s.stackDeploy(), 0)
	s.write(productionFile("dnsrr", settings))
	everything, versions := allObjects(s), s.serviceVersions()
	for _, c := range []struct {
		name string
		run  func() result
		says []string
	}{
		{"no name", func() result { return s.bare("up", "--resolve-image", "never") },
			[]string{"Host(`shop.example.com`)", s.name + "_web", "`-p " + s.name + "`", "would be a second stack"}},
		{"the name as for docker stack deploy", func() result { return s.bare("up", "-c", "compose.yaml", s.name) },
			[]string{"the file has no service " + s.name, "-p " + s.name}},
		{"another name", func() result { return s.bare("up", "--resolve-image", "never", "-p", s.name+"x") },
			[]string{"Host(`shop.example.com`)", "`-p " + s.name + "`"}},
		{"the name of nothing", func() result { return s.bare("flip", "-p", s.name+"x") }, []string{"nothing is deployed"}},
		{"a router that cannot be told", func() result { return s.run("up") }, []string{"service web", "may still send to those tasks", "--accept-gap"}},
		{"a misspelt key", func() result {
			s.write(productionFile("dnsrr", strings.Replace(settings, "x-bluegreen", "x-blue-green", 1)))
			return s.run("up")
		}, []string{"x-blue-green", "did you mean \"x-bluegreen\"?"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := c.run()
			s.in(t).says(r, c.says...)
			if r.code != 1 || strings.Contains(r.out, "docker service rm") || strings.Contains(r.out, "remove ") {
				t.Errorf("exit %d: %s", r.code, r.out)
			}
			if now := allObjects(s); !slices.Equal(now, everything) {
				t.Errorf("the swarm holds %v, before it held %v", now, everything)
			}
			if now := s.serviceVersions(); !reflect.DeepEqual(now, versions) {
				t.Errorf("services were written: %v, before %v", now, versions)
			}
		})
	}
}

// A router that asks the swarm now and then is told to send to the service's virtual address while
// its tasks are replaced by proxies, and to the proxies from then on.
func TestAdoptByAddress(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, productionFile("vip", ""))
	s.exits(s.stackDeploy(), 0)
	s.eventually("web runs", func() bool { return len(s.tasks("web")) == 1 })
	plain := s.service("web")
	s.write(productionFile("vip", settings))
	// A failure beside it while the router learns the address leaves the service as it was.
	s.write(productionFile("vip", settings) + "  bad: {image: 'app:none', deploy: {endpoint_mode: dnsrr}, expose: [8080], " + settings + "}\n")
	r := s.exits(s.run("up"), 3)
	s.says(r, "bad")
	if strings.Contains(r.out, "waiting 20s, until the router in front") { // else it failed earlier, on a slow machine
		s.says(r, s.name+"_web is a plain service again")
	}
	if now := s.service("web"); !reflect.DeepEqual(now.Spec, plain.Spec) || slices.ContainsFunc(s.objects(), func(name string) bool { return strings.Contains(name, "bluegreen") }) {
		t.Errorf("the service is %+v, before %+v; there are %v\n%s", now.Spec, plain.Spec, s.objects(), r.out)
	}
	// Interrupted, the next command lets the router learn it once more.
	s.write(productionFile("vip", settings))
	p := s.start(nil, "up")
	s.eventually("the router is told", func() bool { return s.service("web").Spec.Labels["traefik.docker.lbswarm"] != "" })
	if code := p.end(syscall.SIGINT); code != 130 {
		t.Errorf("interrupted: exit %d\n%s", code, p.out)
	}
	p = s.start(nil, "up")
	var seen []string
	for running := true; running; {
		select {
		case <-p.done:
			running = false
		case <-time.After(50 * time.Millisecond): // between two looks
		}
		svc := s.service("web")
		image, _, _ := strings.Cut(svc.Spec.TaskTemplate.ContainerSpec.Image, ":")
		state := fmt.Sprintf("%s by address: %q on %q", image, svc.Spec.Labels["traefik.docker.lbswarm"], svc.Spec.Labels["traefik.docker.network"])
		if !slices.Contains(seen, state) {
			seen = append(seen, state)
		}
	}
	if code := p.wait(); code != 0 || !strings.Contains(p.out.String(), "waiting 20s, until the router in front") {
		t.Fatalf("exit %d\n%s", code, p.out)
	}
	network := s.name + "_default"
	want := []string{
		fmt.Sprintf("app by address: %q on %q", "true", network),
		fmt.Sprintf("haproxy by address: %q on %q", "true", network),
		fmt.Sprintf("haproxy by address: %q on %q", "", network),
	}
	if !slices.Equal(seen, want) {
		t.Errorf("the service was\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}
	if adopted := s.service("web"); adopted.ID != plain.ID || !reflect.DeepEqual(adopted.Endpoint.Spec, plain.Endpoint.Spec) {
		t.Errorf("id or endpoint changed:\n%+v\n%+v", plain, adopted)
	}
	s.says(s.must("up"), "nothing to do")
}

// bare runs docker bluegreen as a person types it, without the name of the stack.
func (s *stack) bare(args ...string) result {
	s.t.Helper()
	cmd, out := s.command(nil, "version")
	bare := exec.Command("docker", append([]string{"bluegreen"}, args...)...)
	bare.Dir, bare.Env, bare.Stdout, bare.Stderr = cmd.Dir, cmd.Env, out, out
	return s.finish(bare, out, args...)
}

// allObjects are the names of all services, networks, configs and secrets of the swarm whose name
// begins with the stack's, or with that of its folder.
func allObjects(s *stack) []string {
	s.t.Helper()
	services, err := s.engine.ServiceList(s.t.Context(), swarm.ServiceListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, svc := range services {
		if !strings.Contains(svc.Spec.Name, "_order-") && (strings.HasPrefix(svc.Spec.Name, s.name) || svc.Spec.Labels["com.docker.stack.namespace"] == "001") {
			names = append(names, "service "+svc.Spec.Name)
		}
	}
	slices.Sort(names)
	return append(names, s.objects()...)
}
