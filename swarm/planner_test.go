package swarm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

const shop = `
services:
  web:
    image: shop/web:1
    ports: ["80:8080"]
    deploy: {replicas: 3, labels: {traefik.enable: "true"}}
    x-bluegreen: {}
  db:
    image: postgres:16
`

// load loads a stack file under the name shop.
func loadShop(t *testing.T, file string) *compose.Project {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := compose.Load(context.Background(), compose.Options{Dir: dir, Name: "shop", Environ: secretContents})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// nothing is a swarm of three nodes that holds nothing.
func nothing() *Observed {
	return &Observed{Stack: "shop", APIVersion: "1.47", Nodes: map[string]api.Node{"1": {}, "2": {}, "3": {}},
		Networks: map[string]network.Summary{}, Secrets: map[string]api.Secret{}, Configs: map[string]api.Config{},
		Plain: map[string]api.Service{}, BlueGreen: map[string]*BlueGreen{}, Foreign: map[string]api.Service{}, finished: map[string]bool{}}
}

func planFor(t *testing.T, seen *Observed, file string, opts UpOptions) Plan {
	t.Helper()
	plan, err := makePlan(loadShop(t, file), seen, &images{}, opts)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// carriedOut makes seen what the swarm holds once the plan is carried out, with all tasks running.
func carriedOut(seen *Observed, plan Plan) {
	for _, s := range plan.Steps {
		b := func() *BlueGreen { return seen.blueGreen(s.Service) }
		switch s.Do {
		case CreateNetwork:
			seen.Networks[s.Name] = network.Summary{Name: s.Name, ID: "id of " + s.Name, Scope: "swarm", Labels: s.Network.Create.Labels,
				IPAM: network.IPAM{Config: []network.IPAMConfig{{Subnet: "10.0.9.0/24"}}}}
		case CreateSecret, UpdateSecret, CreateConfig, UpdateConfig, RemoveSecret, RemoveConfig:
			filesCarriedOut(seen, s)
		case CreatePlain, UpdatePlain:
			svc := running(seen, *s.Spec)
			if live, ok := seen.Plain[s.Service]; ok {
				svc.PreviousSpec = &live.Spec
			}
			seen.Plain[s.Service] = *svc
		case GiveBack:
			seen.Plain[s.Service] = *running(seen, *s.Spec)
			b().Proxy = nil
		case RemoveService:
			delete(seen.Plain, s.Service)
		case RemoveProxies:
			b().Proxy = nil
		case RemoveColor:
			delete(b().Colors, s.Color)
		case RemoveNetwork:
			delete(seen.Networks, s.Name)
		case StopColor:
			b().Saved[s.Color] = new(clone(b().Colors[s.Color].Spec))
			b().Colors[s.Color] = running(seen, stopped(b().Colors[s.Color].Spec))
		case StartColor, ChangeColor:
			b().Colors[s.Color] = running(seen, *s.Spec)
		case CreateProxies, UpdateProxies, Adopt:
			b().Proxy = running(seen, *s.Spec)
			delete(seen.Plain, s.Service)
			mark(b(), s)
		case Flip:
			setLabels(&b().Proxy.Spec, map[string]string{LabelAlias + s.Service: s.To.String(), LabelPrevious: "1"})
			delete(b().Saved, s.Color)
			mark(b(), s)
		case Retire:
			if s.Settings.Keep == compose.KeepCold {
				b().Colors[s.Color] = running(seen, stopped(b().Colors[s.Color].Spec))
			}
		}
	}
}

func mark(b *BlueGreen, s Step) {
	if c := b.Colors[Color(s.To.Color)]; c != nil {
		setLabels(&c.Spec, map[string]string{LabelServed: s.To.String()[:1]})
	}
}

func running(seen *Observed, spec api.ServiceSpec) *api.Service {
	spec = clone(spec)
	_ = seen.resolve(&spec) // configs are not there
	seen.fillSubnet(&spec)
	n := uint64(1)
	if r := replicas(spec); r != nil {
		n = *r
	}
	status := &api.ServiceStatus{RunningTasks: n, DesiredTasks: n}
	if isJob(spec) {
		status = &api.ServiceStatus{CompletedTasks: 1}
	}
	return &api.Service{ID: "id of " + spec.Name, Spec: spec, ServiceStatus: status}
}

func wantPlan(t *testing.T, plan Plan, want string) {
	t.Helper()
	if got, want := plan.String(), strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("plan:\n%swant:\n%s", got, want)
	}
}

func TestFirstUp(t *testing.T) {
	plan := planFor(t, nothing(), shop, UpOptions{})
	wantPlan(t, plan, `
create network shop_default: it does not exist
create network shop-bluegreen_control: the proxies have no control network
create service shop_db: it does not exist
start color shop_web-blue: release 1: first release
check ports of shop_web-blue: 8080 must speak http before proxies take traffic there
create proxies shop_web: there are none
await shop_db
`)
}

// What changed decides what happens: each case starts from the same stack with release 1 on blue.
func TestFollowingUps(t *testing.T) {
	newRelease := func(cause string) string {
		return "start color shop_web-green: release 2: " + cause + "\nflip shop_web to green: " + cause +
			"\nretire color shop_web-blue: it is idle after the flip, keep: warm\n"
	}
	for _, tc := range []struct{ name, old, new, want string }{
		{"nothing", "", "", "nothing to do\n"},
		{"image", "shop/web:1", "shop/web:2", newRelease("image shop/web:1 → shop/web:2")},
		{"environment", "image: shop/web:1", "image: shop/web:1\n    environment: {A: b}", newRelease("environment changed")},
		{"image and command", "image: shop/web:1", "image: shop/web:2\n    command: serve", newRelease("image shop/web:1 → shop/web:2, command changed")},
		{"replicas", "replicas: 3", "replicas: 5", "change color shop_web-blue: replicas 3 → 5\n"},
		{"published port", "80:8080", "81:8080", "update proxies shop_web: ports changed\n"},
		{"service labels", `traefik.enable: "true"`, `traefik.tags: a`, "update proxies shop_web: labels changed\n"},
		{"no router in front any more", `"true"`, `"false"`, // proxies linger for the sake of a router
			"update proxies shop_web: configs, labels changed; they are replaced one after the other\n"},
		{"drain", "x-bluegreen: {}", "x-bluegreen: {timeout: 1m}", "update proxies shop_web: labels changed\n"},
		{"health", "x-bluegreen: {}", "x-bluegreen: {health: {path: /up}}",
			"update proxies shop_web: configs, labels changed; they are replaced one after the other\nchange color shop_web-blue: ports or health changed\n"},
		{"another port", `["80:8080"]`, `["80:8080", "90:9090"]`,
			"check ports of shop_web-blue: 9090 must speak http before proxies take traffic there\n" +
				"update proxies shop_web: configs, ports, labels changed; they are replaced one after the other\nchange color shop_web-blue: ports or health changed\n"},
		{"proxy image", "x-bluegreen: {}", "x-bluegreen: {proxy: {image: 'haproxy:3.4'}}",
			"update proxies shop_web: image, labels changed; they are replaced one after the other\n"},
		{"plain service", "postgres:16", "postgres:17", "update service shop_db: image, labels changed\nawait shop_db\n"},
		{"keep", "x-bluegreen: {}", "x-bluegreen: {keep: cold}", "update proxies shop_web: labels changed\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := nothing()
			carriedOut(seen, planFor(t, seen, shop, UpOptions{}))
			changed := shop
			if tc.old != "" {
				changed = strings.Replace(shop, tc.old, tc.new, 1)
			}
			plan := planFor(t, seen, changed, UpOptions{})
			wantPlan(t, plan, tc.want)
			carriedOut(seen, plan)
			wantPlan(t, planFor(t, seen, changed, UpOptions{}), "nothing to do\n")
		})
	}
}

func TestSecondReleaseStopsTheIdleColorFirst(t *testing.T) {
	seen := nothing()
	for _, v := range []string{"1", "2"} {
		carriedOut(seen, planFor(t, seen, strings.Replace(shop, "web:1", "web:"+v, 1), UpOptions{}))
	}
	wantPlan(t, planFor(t, seen, strings.Replace(shop, "web:1", "web:3", 1), UpOptions{}), `
stop color shop_web-blue: release 1 makes room for release 3
start color shop_web-blue: release 3: image shop/web:2 → shop/web:3
flip shop_web to blue: image shop/web:2 → shop/web:3
retire color shop_web-green: it is idle after the flip, keep: warm
`)
	// The idle color holds what the file says: nothing has to start.
	wantPlan(t, planFor(t, seen, shop, UpOptions{}), `
flip shop_web to blue: image shop/web:2 → shop/web:1
retire color shop_web-green: it is idle after the flip, keep: warm
`)
}

func TestNoFlip(t *testing.T) {
	seen := nothing()
	carriedOut(seen, planFor(t, seen, shop, UpOptions{}))
	two := strings.Replace(shop, "web:1", "web:2", 1)
	wantPlan(t, planFor(t, seen, two, UpOptions{NoFlip: true}), "start color shop_web-green: release 2: image shop/web:1 → shop/web:2\n")
}

func TestKeepCold(t *testing.T) {
	seen := nothing()
	cold := strings.Replace(shop, "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1)
	carriedOut(seen, planFor(t, seen, cold, UpOptions{}))
	two := strings.Replace(cold, "web:1", "web:2", 1)
	carriedOut(seen, planFor(t, seen, two, UpOptions{}))
	if n := *replicas(seen.BlueGreen["web"].Colors[Blue].Spec); n != 0 {
		t.Errorf("the cold color has %d replicas", n)
	}
	wantPlan(t, planFor(t, seen, two, UpOptions{}), "nothing to do\n")
	wantPlan(t, planFor(t, seen, cold, UpOptions{}), `
start color shop_web-blue: release 1: it holds this release already: image shop/web:2 → shop/web:1
flip shop_web to blue: image shop/web:2 → shop/web:1
retire color shop_web-green: it is idle after the flip, keep: cold
`)
}

// A color that was scaled by hand stays so until the file's number changes; a new release gets the larger number.
func TestScaledByHand(t *testing.T) {
	seen := nothing()
	carriedOut(seen, planFor(t, seen, shop, UpOptions{}))
	blue := seen.BlueGreen["web"].Colors[Blue]
	blue.Spec.Mode.Replicated.Replicas = new(uint64(7))
	blue.ServiceStatus = &api.ServiceStatus{RunningTasks: 7, DesiredTasks: 7}
	wantPlan(t, planFor(t, seen, shop, UpOptions{}), "nothing to do\n")
	plan := planFor(t, seen, strings.Replace(shop, "web:1", "web:2", 1), UpOptions{})
	if n := *replicas(*plan.Steps[0].Spec); plan.Steps[0].Do != StartColor || n != 7 {
		t.Errorf("%s gets %d replicas, want 7", plan.Steps[0].Name, n)
	}
	wantPlan(t, planFor(t, seen, strings.Replace(shop, "replicas: 3", "replicas: 4", 1), UpOptions{}),
		"change color shop_web-blue: replicas 7 → 4\n")
}

func TestAdoption(t *testing.T) {
	seen := nothing()
	plain := strings.Replace(shop, "    x-bluegreen: {}\n", "", 1)
	carriedOut(seen, planFor(t, seen, plain, UpOptions{}))
	plan := planFor(t, seen, shop, UpOptions{})
	wantPlan(t, plan, `
create network shop-bluegreen_control: the proxies have no control network
start color shop_web-blue: release 1: first release
check ports of shop_web-blue: 8080 must speak http before proxies take traffic there
adopt service shop_web: the service runs without proxies: it becomes their service in place; its router is told to send to its virtual address meanwhile, which takes 20s to be seen
`)
	carriedOut(seen, plan)
	wantPlan(t, planFor(t, seen, shop, UpOptions{}), "nothing to do\n")
}

func TestAdoptionOfHostPortsNeedsAGap(t *testing.T) {
	seen := nothing()
	host := strings.Replace(shop, `["80:8080"]`, "[{target: 8080, published: 80, mode: host}]", 1)
	carriedOut(seen, planFor(t, seen, strings.Replace(host, "    x-bluegreen: {}\n", "", 1), UpOptions{}))
	_, err := makePlan(loadShop(t, host), seen, &images{}, UpOptions{})
	if err == nil || !strings.Contains(err.Error(), "--accept-gap") {
		t.Fatalf("error %v, want one that names --accept-gap", err)
	}
	plan := planFor(t, seen, host, UpOptions{AcceptGap: true})
	adopt := plan.Steps[len(plan.Steps)-1]
	if adopt.Do != Adopt || adopt.Spec.UpdateConfig.Order != api.UpdateOrderStopFirst || replicas(*adopt.Spec) == nil {
		t.Errorf("adoption %+v: want stop-first, and the mode as it was", adopt)
	}
}

// Where the router in front cannot be told to use the service's address, adoption needs a word of the user's. What counts is
// the running service.
func TestAdoptionBehindRouters(t *testing.T) {
	traefik, caddy := "traefik.http.services.w.loadbalancer.server.port: 8080", `caddy.reverse_proxy: "{{upstreams 8080}}"`
	for _, c := range []struct{ name, labels, endpoint, to, cause, err string }{
		{"Traefik", traefik, "vip", traefik, "; its router is told to send to its virtual address meanwhile, which takes 20s to be seen", ""},
		{"Traefik that is told already", traefik + ", traefik.docker.lbswarm: true", "vip", traefik + ", traefik.docker.lbswarm: true", "", ""},
		{"Traefik that an interrupted adoption told", traefik + ", traefik.docker.lbswarm: true", "vip", traefik, "; its router is told to send to its virtual address meanwhile, which takes 20s to be seen", ""},
		{"Traefik without an address", traefik, "dnsrr", traefik, "", "may send to those tasks until it asks the swarm again, for up to 20s: run the command with --accept-gap"},
		{"Caddy", caddy, "vip", caddy, "", "for up to 35s: run the command with --accept-gap"},
		{"from Caddy to Traefik", caddy, "vip", traefik, "", "for up to 35s: run the command with --accept-gap"},
		{"none before", "a: b", "vip", traefik, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := func(labels, more string) string {
				return fmt.Sprintf("services:\n  web:\n    image: web:1\n    deploy: {endpoint_mode: %s, labels: {%s}}\n%s", c.endpoint, labels, more)
			}
			seen := nothing()
			carriedOut(seen, planFor(t, seen, file(c.labels, ""), UpOptions{}))
			project := loadShop(t, file(c.to, "    x-bluegreen: {ports: [{target: 8080}]}\n"))
			plan, err := makePlan(project, seen, &images{}, UpOptions{AcceptGap: c.err != ""})
			if err != nil {
				t.Fatal(err)
			}
			cause := "the service runs without proxies: it becomes their service in place" + c.cause
			if adopt := plan.Steps[len(plan.Steps)-1]; adopt.Do != Adopt || adopt.Cause != cause {
				t.Errorf("the last step is %s: %s", adopt.Do, adopt.Cause)
			}
			if _, err := makePlan(project, seen, &images{}, UpOptions{}); c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

// Proxies that were removed by hand come back with the color that served last.
func TestProxiesRemoved(t *testing.T) {
	seen := nothing()
	two := strings.Replace(shop, "web:1", "web:2", 1)
	carriedOut(seen, planFor(t, seen, shop, UpOptions{}))
	carriedOut(seen, planFor(t, seen, two, UpOptions{}))
	seen.BlueGreen["web"].Proxy = nil
	plan := planFor(t, seen, two, UpOptions{})
	wantPlan(t, plan, "create proxies shop_web: there are none\n")
	if to := plan.Steps[0].To; to.String() != "3:green" {
		t.Errorf("the proxies start with route %s, want 3:green", to)
	}
}

func TestActiveColorRemoved(t *testing.T) {
	seen := nothing()
	carriedOut(seen, planFor(t, seen, shop, UpOptions{}))
	delete(seen.BlueGreen["web"].Colors, Blue)
	wantPlan(t, planFor(t, seen, shop, UpOptions{}), "start color shop_web-blue: release 1: the active color was removed by hand\n")
}

func TestTemplatesOfAnotherVersion(t *testing.T) {
	seen := nothing()
	carriedOut(seen, planFor(t, seen, shop, UpOptions{}))
	proxy := seen.BlueGreen["web"].Proxy
	proxy.Spec.Labels[LabelTemplates] = "older"
	proxy.Spec.TaskTemplate.ContainerSpec.Configs[0].ConfigName = "older"
	wantPlan(t, planFor(t, seen, shop, UpOptions{}),
		"update proxies shop_web: configs, labels changed, their files are of another version of this plugin; they are replaced one after the other\n")
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name string
		file string
		seen func(*Observed)
		want string
	}{
		{"name taken", shop, func(s *Observed) { s.Foreign["shop_web"] = api.Service{} }, "not of stack shop"},
		{"color name taken", shop, func(s *Observed) { s.Foreign["shop_web-green"] = api.Service{} }, "the color green needs that name"},
		{"external network missing", shop + "    networks: [edge]\nnetworks: {edge: {external: true}}\n", func(*Observed) {}, "docker network create"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := nothing()
			tc.seen(seen)
			_, err := makePlan(loadShop(t, tc.file), seen, &images{}, UpOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}
