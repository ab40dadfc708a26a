package swarm

import (
	"context"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// hostPorts publishes the port of web on its nodes.
func hostPorts(file string) string {
	return strings.Replace(file, `["80:8080"]`, "[{target: 8080, published: '80', mode: host}]", 1)
}

// Host-mode ports: a proxy cannot start beside what has the port, so the user must accept the gap.
func TestHostPorts(t *testing.T) {
	inMemory(t, func(m *memory) {
		plain := strings.Replace(plainly(hostPorts(version("1"))), "replicas: 3", "mode: global", 1)
		file := strings.Replace(hostPorts(version("1")), "replicas: 3", "mode: global", 1)
		m.must(m.up(plain))
		m.wantText(m.up(file), "service web publishes host-mode ports: its tasks must stop before the proxies can take the ports, so adopting it closes "+
			"them for a few seconds: run the command with --accept-gap, or publish through the ingress mesh")
		m.wantServices(map[string]string{"shop_web": "shop/web:1 |||", "shop_db": postgres})
		m.must(m.upWith(file, plan.UpOptions{AcceptGap: true}))
		m.wantRoutes("1:blue", "1:blue", "1:blue")
		m.wantServices(map[string]string{"shop_web": bluegreen.DefaultProxyImage + " |||", "shop_web-blue": "shop/web:1 |||", "shop_db": postgres})
		if u := m.Service("shop_web").Spec.UpdateConfig; u.Order != api.UpdateOrderStopFirst {
			m.t.Errorf("the proxies are replaced %s; two cannot have the same port of a node", u.Order)
		}
		m.must(m.up(strings.Replace(file, "web:1", "web:2", 1)))
		m.wantRoutes("2:green", "2:green", "2:green")
		m.wantText(m.upWith(plain, plan.UpOptions{Yes: true}), "service web publishes host-mode ports: its proxies must stop before its own tasks can "+
			"take the ports, so without x-bluegreen they are closed for a few seconds: run the command with --accept-gap, or put x-bluegreen back")
		m.wantRoutes("2:green", "2:green", "2:green")
		m.must(m.upWith(plain, plan.UpOptions{Yes: true, AcceptGap: true}))
		m.wantServices(map[string]string{"shop_web": "shop/web:1 |||", "shop_db": postgres})
	})
}

// A new blue-green service with host-mode ports has a proxy on each node, replaced stop-first; what
// replaces them says what it costs.
func TestNewServiceWithHostPorts(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(hostPorts(version("1"))))
		m.wantRoutes("1:blue", "1:blue", "1:blue")
		m.must(m.up(options(hostPorts(version("1")), "{proxy: {image: 'haproxy:3.0'}}")))
		m.wantTold("web proxies: changed: image, labels changed; they are replaced one after the other, each with its port closed meanwhile (host-mode ports)")
		m.wantServices(map[string]string{"shop_web": "haproxy:3.0 |||", "shop_web-blue": "shop/web:1 |||", "shop_db": postgres})
	})
}

// The mode of the proxies can never change.
func TestModeOfProxies(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.wantText(m.up(options(version("2"), "{proxy: {deploy: {mode: global}}}")),
			"service web: x-bluegreen.proxy.deploy.mode is global, but its proxies run as replicated and Swarm cannot change that: write replicated")
		m.must(m.up(options(version("2"), "{proxy: {deploy: {mode: replicated, replicas: 3}}}")))
		m.wantRoutes("2:green", "2:green", "2:green")
		m.wantText(m.upWith(strings.Replace(plainly(version("2")), "replicas: 3", "mode: global", 1), plan.UpOptions{Yes: true}),
			"service web: its proxies run as replicated and deploy.mode in the file is global, which Swarm cannot change in place: "+
				"put x-bluegreen back, or write deploy.mode: replicated")
		m.must(m.down())
		m.must(m.up(options(version("1"), "{proxy: {deploy: {mode: global}}}")))
		m.wantRoutes("1:blue", "1:blue", "1:blue")
	})
}

// A job takes no traffic: it is not taken over.
func TestJobIsNotAdopted(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up("services: {web: {image: 'shop/web:1', deploy: {mode: replicated-job}}}"))
		m.wantText(m.up(version("1")), "service web runs as a job (replicated-job) on the swarm, and a job gets no traffic: give the service another name in the file")
		m.wantServices(map[string]string{"shop_web": "shop/web:1 "})
	})
}

// An adopted service keeps its id; the tasks that it had are waited for.
func TestAdoptedService(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(plainly(version("1"))))
		id := m.Service("shop_web").ID
		m.SetApp("shop/web:1", swarmtest.App{Start: time.Second, Stop: 3 * time.Minute})
		m.byHand("shop_web", func(s *api.ServiceSpec) { s.TaskTemplate.ForceUpdate++ })
		time.Sleep(time.Hour)
		m.forget()
		m.must(m.up(version("1")))
		m.wantTold("web proxies: adopting the running service", "web proxies: waiting for the old tasks to end",
			"web proxies: adopted: shop_web sends to blue")
		m.wantNotTold("have not ended")
		if svc := m.Service("shop_web"); svc.ID != id || svc.Spec.Labels[cluster.LabelAlias+"web"] != "1:blue" {
			m.t.Errorf("the service has the id %s and the route %s", svc.ID, svc.Spec.Labels[cluster.LabelAlias+"web"])
		}
		m.wantRoutes("1:blue", "1:blue")
	})
}

// Tasks of the app that outlive the wait are told: who keeps a connection to one goes past the
// proxies.
func TestTasksOfTheAppThatStay(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp("shop/web:1", swarmtest.App{Start: time.Second, Stop: time.Hour})
		m.must(m.up(plainly(version("1"))))
		m.must(m.up(version("2")))
		m.wantTold("web proxies: these old tasks have not ended, or their nodes do not answer; a client with an open connection to one " +
			"stays on the old release: shop_web.X on nX, shop_web.X on nX, shop_web.X on nX")
		m.wantRoutes("1:blue", "1:blue")
	})
}

// A router that finds tasks through the swarm, and cannot be told to use the virtual address: the
// user must accept the gap.
func TestRouterThatCannotBeTold(t *testing.T) {
	inMemory(t, func(m *memory) {
		dnsrr := func(file string) string {
			file = strings.Replace(file, `    ports: ["80:8080"]`, "    expose: [8080]", 1)
			return strings.Replace(file, "deploy: {replicas: 3", "deploy: {endpoint_mode: dnsrr, replicas: 3", 1)
		}
		m.must(m.up(plainly(dnsrr(version("1")))))
		m.wantText(m.up(dnsrr(version("1"))), "service web: its tasks end when the proxies take their place, but the router in front may still send "+
			"to those tasks for up to 20s: run the command with --accept-gap; no request fails if the app serves on for as long after SIGTERM")
		m.wantServices(map[string]string{"shop_web": "shop/web:1 |||", "shop_db": postgres})
		m.must(m.upWith(dnsrr(version("1")), plan.UpOptions{AcceptGap: true}))
		m.wantRoutes("1:blue", "1:blue")
	})
}

// Without a router nobody has to be told anything.
func TestAdoptionWithoutARouter(t *testing.T) {
	inMemory(t, func(m *memory) {
		bare := func(file string) string { return strings.Replace(file, `, labels: {traefik.enable: "true"}`, "", 1) }
		m.must(m.up(plainly(bare(version("1")))))
		began := time.Now()
		m.must(m.up(bare(version("1"))))
		if took := time.Since(began); took > 20*time.Second {
			m.t.Errorf("it took %s, as if a router were waited for", took)
		}
		m.wantNotTold("the router in front")
		m.wantRoutes("1:blue", "1:blue")
	})
}

// Services that leave the file: each with its own confirmation, and then gone for good.
func TestSeveralGivenBack(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := `services:
  web: {image: 'shop/web:1', expose: [8080], x-bluegreen: {}}
  api: {image: 'shop/api:1', expose: [8080], x-bluegreen: {}}
`
		m.must(m.up(file))
		plain := strings.ReplaceAll(file, ", x-bluegreen: {}", "")
		var ask *plan.ConfirmationError
		m.wantError(m.up(plain), &ask)
		m.wantText(ask, "services api, web run blue-green and have no x-bluegreen in the file: giving back removes the proxies and both colors, "+
			"so a rollback is no longer possible. Nothing was changed. Put x-bluegreen back, or run the command with --yes")
		m.wantRoutes("1:blue", "1:blue")
		m.wantText(m.upWith(strings.ReplaceAll(plain, "shop/web:1", "shop/web:2"), plan.UpOptions{Services: []string{"web"}, Yes: true}), "")
		m.wantServices(map[string]string{"shop_web": "shop/web:2 |", "shop_api": bluegreen.DefaultProxyImage + " ||", "shop_api-blue": "shop/api:1 |"})
		m.must(m.upWith(plain, plan.UpOptions{Yes: true}))
		m.wantServices(map[string]string{"shop_web": "shop/web:1 |", "shop_api": "shop/api:1 |"})
		for _, o := range m.Objects() {
			if strings.Contains(o, "bluegreen") {
				m.t.Errorf("left: %s", o)
			}
		}
	})
}

// A giving back that was interrupted leaves proxies, which go on when the service is adopted again:
// they are told the new route.
func TestAdoptedWhileProxiesAreLeft(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.SetApp("shop/web:9", swarmtest.App{Start: time.Hour})
		ctx, cancel := context.WithTimeout(m.t.Context(), 30*time.Second)
		defer cancel()
		m.wantError(m.upIn(ctx, plainly(version("9")), plan.UpOptions{Yes: true}), new(*cluster.InterruptedError))
		m.wantRoutes("2:green", "2:green")
		m.must(m.up(version("3")))
		m.wantRoutes("3:blue", "3:blue")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// docker service rollback while a service is given back makes it proxies again: these go on, and so
// do the colors.
func TestRolledBackWhileItIsGivenBack(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		writes := 0
		m.Before = func(call, object string) error {
			if call != "ServiceUpdate" || object != "shop_web" {
				return nil
			}
			if writes++; writes == 2 {
				m.Before = nil
				svc := m.Service("shop_web")
				_, err := m.ServiceUpdate(m.t.Context(), svc.ID, svc.Version, svc.Spec, api.ServiceUpdateOptions{Rollback: "previous"})
				m.must(err)
			}
			return nil
		}
		m.wantText(m.upWith(plainly(version("2")), plan.UpOptions{Yes: true}), "service web: somebody changed shop_web meanwhile: run the command again")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.wantRoutes("2:green", "2:green")
		m.must(m.up(version("3")))
		m.wantRoutes("3:blue", "3:blue")
	})
}
