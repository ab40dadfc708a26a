package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

func TestFirstUp(t *testing.T) {
	todo := plantest.For(t, plantest.Nothing(), plantest.Shop, plan.UpOptions{})
	plantest.Want(t, todo, `
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
		{"published port", "80:8080", "81:8080", "update proxies shop_web: ports changed; they are replaced one after the other\n"},
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
			seen := plantest.Nothing()
			plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
			changed := plantest.Shop
			if tc.old != "" {
				changed = strings.Replace(plantest.Shop, tc.old, tc.new, 1)
			}
			todo := plantest.For(t, seen, changed, plan.UpOptions{})
			plantest.Want(t, todo, tc.want)
			plantest.CarriedOut(seen, todo)
			plantest.Want(t, plantest.For(t, seen, changed, plan.UpOptions{}), "nothing to do\n")
		})
	}
}

func TestSecondReleaseStopsTheIdleColorFirst(t *testing.T) {
	seen := plantest.Nothing()
	for _, v := range []string{"1", "2"} {
		plantest.CarriedOut(seen, plantest.For(t, seen, strings.Replace(plantest.Shop, "web:1", "web:"+v, 1), plan.UpOptions{}))
	}
	plantest.Want(t, plantest.For(t, seen, strings.Replace(plantest.Shop, "web:1", "web:3", 1), plan.UpOptions{}), `
stop color shop_web-blue: release 1 makes room for release 3
start color shop_web-blue: release 3: image shop/web:2 → shop/web:3
flip shop_web to blue: image shop/web:2 → shop/web:3
retire color shop_web-green: it is idle after the flip, keep: warm
`)
	// The idle color holds what the file says: nothing has to start.
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}), `
flip shop_web to blue: image shop/web:2 → shop/web:1
retire color shop_web-green: it is idle after the flip, keep: warm
`)
}

func TestNoFlip(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	two := strings.Replace(plantest.Shop, "web:1", "web:2", 1)
	manual := strings.Replace(two, "x-bluegreen: {}", "x-bluegreen: {promote: manual}", 1)
	tried := strings.Replace(two, "x-bluegreen: {}", `x-bluegreen: {promote: manual, preview: {port: 9080, header: "X-Preview: s3cret"}}`, 1)
	const start = "start color shop_web-green: release 2: image shop/web:1 → shop/web:2\n"
	for _, c := range []struct {
		file, plan string
		opts       plan.UpOptions
		try        string
	}{
		{two, start, plan.UpOptions{NoFlip: true}, ""},
		{manual, "update proxies shop_web: labels changed\n" + start, plan.UpOptions{}, ""},
		{tried, "update proxies shop_web: configs, labels changed; they are replaced one after the other\n" + start, plan.UpOptions{},
			"; to try it first, use port 9080 of web or the header X-Preview"},
	} {
		todo := plantest.For(t, seen, c.file, c.opts)
		plantest.Want(t, todo, c.plan)
		want := "release 2 waits on green: run `docker bluegreen promote web` to make it active" + c.try
		if len(todo.Waiting) != 1 || todo.Waiting[0].String() != want {
			t.Errorf("waiting: %v, want %s", todo.Waiting, want)
		}
	}
}

// A release that the idle color holds already waits as well, once it is marked.
func TestEarlierReleaseWaits(t *testing.T) {
	manual := strings.Replace(plantest.Shop, "x-bluegreen: {}", "x-bluegreen: {promote: manual}", 1)
	seen := twoReleases(t, plantest.Shop)
	todo := plantest.For(t, seen, manual, plan.UpOptions{})
	plantest.Want(t, todo, "update proxies shop_web: labels changed\n"+
		"mark color shop_web-blue: it holds this release already, which waits for a promote: image shop/web:2 → shop/web:1\n")
	plantest.CarriedOut(seen, todo)
	if w := seen.BlueGreen["web"].Waiting(); w != cluster.Blue {
		t.Errorf("waiting: %q, want blue", w)
	}
	todo = plantest.For(t, seen, manual, plan.UpOptions{})
	plantest.Want(t, todo, "nothing to do\n")
	if len(todo.Waiting) != 1 {
		t.Errorf("waiting: %v", todo.Waiting)
	}
}

// Proxies that an older engine has written stay as they are until their tasks change anyway, and a
// swarm with an older manager gets none with what that one would drop.
func TestOlderEngines(t *testing.T) {
	interval := func(s *cluster.Snapshot) time.Duration {
		return s.BlueGreen["web"].Proxy.Spec.TaskTemplate.ContainerSpec.Healthcheck.StartInterval
	}
	other := strings.Replace(plantest.Shop, "x-bluegreen: {}", "x-bluegreen: {proxy: {image: 'haproxy:3.0'}}", 1)
	old := api.Node{ManagerStatus: &api.ManagerStatus{}, Description: api.NodeDescription{Engine: api.EngineDescription{EngineVersion: "20.10.24+dfsg1"}}}

	seen := plantest.Nothing()
	seen.Nodes["1"] = old
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	if got := interval(seen); got != 0 {
		t.Errorf("with an older manager proxies have the start interval %s", got)
	}
	seen.Nodes["1"] = api.Node{}
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}), "nothing to do\n")
	plantest.CarriedOut(seen, plantest.For(t, seen, other, plan.UpOptions{}))
	if got := interval(seen); got != 500*time.Millisecond {
		t.Errorf("proxies that are replaced have the start interval %s", got)
	}
	seen.Nodes["1"] = old
	plantest.Want(t, plantest.For(t, seen, other, plan.UpOptions{}), "nothing to do\n")
}

func TestKeepCold(t *testing.T) {
	seen := plantest.Nothing()
	cold := strings.Replace(plantest.Shop, "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1)
	plantest.CarriedOut(seen, plantest.For(t, seen, cold, plan.UpOptions{}))
	two := strings.Replace(cold, "web:1", "web:2", 1)
	plantest.CarriedOut(seen, plantest.For(t, seen, two, plan.UpOptions{}))
	if n := *cluster.Replicas(seen.BlueGreen["web"].Colors[cluster.Blue].Spec); n != 0 {
		t.Errorf("the cold color has %d replicas", n)
	}
	plantest.Want(t, plantest.For(t, seen, two, plan.UpOptions{}), "nothing to do\n")
	plantest.Want(t, plantest.For(t, seen, cold, plan.UpOptions{}), `
start color shop_web-blue: release 1: it holds this release already: image shop/web:2 → shop/web:1
flip shop_web to blue: image shop/web:2 → shop/web:1
retire color shop_web-green: it is idle after the flip, keep: cold
`)
}

// A color that was scaled by hand stays so until the file's number changes; a new release gets the
// larger number.
func TestScaledByHand(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	blue := seen.BlueGreen["web"].Colors[cluster.Blue]
	blue.Spec.Mode.Replicated.Replicas = new(uint64(7))
	blue.ServiceStatus = &api.ServiceStatus{RunningTasks: 7, DesiredTasks: 7}
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}), "nothing to do\n")
	todo := plantest.For(t, seen, strings.Replace(plantest.Shop, "web:1", "web:2", 1), plan.UpOptions{})
	if n := *cluster.Replicas(*todo.Steps[0].Spec); todo.Steps[0].Do != plan.StartColor || n != 7 {
		t.Errorf("%s gets %d replicas, want 7", todo.Steps[0].Name, n)
	}
	plantest.Want(t, plantest.For(t, seen, strings.Replace(plantest.Shop, "replicas: 3", "replicas: 4", 1), plan.UpOptions{}),
		"change color shop_web-blue: replicas 7 → 4\n")
}

// Proxies get room for a color that was scaled by hand beyond what they had room for: before a
// release starts that they would not see as a whole.
func TestRoomForWhatWasScaledByHand(t *testing.T) {
	for _, c := range []struct {
		name     string
		replicas uint64
		want     []plan.Action
	}{
		{"there is room", 8, []plan.Action{plan.StartColor, plan.Flip, plan.Retire}},
		{"there is none", 20, []plan.Action{plan.UpdateProxies, plan.StartColor, plan.Flip, plan.Retire}},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := plantest.Nothing()
			plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
			blue := seen.BlueGreen["web"].Colors[cluster.Blue]
			blue.Spec.Mode.Replicated.Replicas = &c.replicas
			blue.ServiceStatus = &api.ServiceStatus{RunningTasks: c.replicas, DesiredTasks: c.replicas}
			var got []plan.Action
			todo := plantest.For(t, seen, strings.Replace(plantest.Shop, "web:1", "web:2", 1), plan.UpOptions{})
			for _, s := range todo.Steps {
				got = append(got, s.Do)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			plantest.CarriedOut(seen, todo)
			plantest.Want(t, plantest.For(t, seen, strings.Replace(plantest.Shop, "web:1", "web:2", 1), plan.UpOptions{}), "nothing to do\n")
		})
	}
}

// The control network gets the file's subnet when it is made; later it cannot change.
func TestControlSubnet(t *testing.T) {
	subnet := func(s string) string { return plantest.Shop + "x-bluegreen: {control: {subnet: " + s + "}}\n" }
	seen := plantest.Nothing()
	todo := plantest.For(t, seen, subnet("10.77.0.0/20"), plan.UpOptions{})
	i := slices.IndexFunc(todo.Steps, func(s plan.Step) bool { return s.Name == "shop-bluegreen_control" })
	if ipam := todo.Steps[i].Network.Create.IPAM; ipam == nil || len(ipam.Config) != 1 || ipam.Config[0].Subnet != "10.77.0.0/20" {
		t.Errorf("the network is made with %+v", ipam)
	}
	plantest.CarriedOut(seen, todo) // it gets 10.0.9.0/24 there
	plantest.Want(t, plantest.For(t, seen, subnet("10.0.9.0/24"), plan.UpOptions{}), "nothing to do\n")
	const want = "x-bluegreen.control.subnet is 10.77.0.0/20, but the network shop-bluegreen_control has 10.0.9.0/24"
	if _, err := plan.ForUp(plantest.LoadShop(t, subnet("10.77.0.0/20")), seen, &plan.Images{}, plan.UpOptions{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// More proxies than DNS lists, set by hand, are an error that says what to write.
func TestTooManyProxiesByHand(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	seen.BlueGreen["web"].Proxy.Spec.Mode.Replicated.Replicas = new(uint64(61))
	const want = "service web: 61 proxies are more than 60"
	if _, err := plan.ForUp(plantest.LoadShop(t, plantest.Shop), seen, &plan.Images{}, plan.UpOptions{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

func TestAdoption(t *testing.T) {
	seen := plantest.Nothing()
	plain := strings.Replace(plantest.Shop, "    x-bluegreen: {}\n", "", 1)
	plantest.CarriedOut(seen, plantest.For(t, seen, plain, plan.UpOptions{}))
	todo := plantest.For(t, seen, plantest.Shop, plan.UpOptions{})
	plantest.Want(t, todo, `
create network shop-bluegreen_control: the proxies have no control network
start color shop_web-blue: release 1: first release
check ports of shop_web-blue: 8080 must speak http before proxies take traffic there
adopt service shop_web: the service runs without proxies: it becomes the proxy service in place; first its router must send to its virtual address, which takes 20s
`)
	plantest.CarriedOut(seen, todo)
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}), "nothing to do\n")
}

func TestAdoptionOfHostPortsNeedsAGap(t *testing.T) {
	seen := plantest.Nothing()
	host := strings.Replace(plantest.Shop, `["80:8080"]`, "[{target: 8080, published: 80, mode: host}]", 1)
	plantest.CarriedOut(seen, plantest.For(t, seen, strings.Replace(host, "    x-bluegreen: {}\n", "", 1), plan.UpOptions{}))
	_, err := plan.ForUp(plantest.LoadShop(t, host), seen, &plan.Images{}, plan.UpOptions{})
	if err == nil || !strings.Contains(err.Error(), "--accept-gap") {
		t.Fatalf("error %v, want one that names --accept-gap", err)
	}
	todo := plantest.For(t, seen, host, plan.UpOptions{AcceptGap: true})
	adopt := todo.Steps[len(todo.Steps)-1]
	if adopt.Do != plan.Adopt || adopt.Spec.UpdateConfig.Order != api.UpdateOrderStopFirst || cluster.Replicas(*adopt.Spec) == nil {
		t.Errorf("adoption %+v: want stop-first, and the mode as it was", adopt)
	}
}

// Where the router in front cannot be told to use the service's address, adoption needs a word of
// the user's. What counts is the running service.
func TestAdoptionBehindRouters(t *testing.T) {
	traefik, caddy := "traefik.http.services.w.loadbalancer.server.port: 8080", `caddy.reverse_proxy: "{{upstreams 8080}}"`
	for _, c := range []struct{ name, labels, endpoint, to, cause, err string }{
		{"Traefik", traefik, "vip", traefik, "; first its router must send to its virtual address, which takes 20s", ""},
		{"Traefik that is told already", traefik + ", traefik.docker.lbswarm: true", "vip", traefik + ", traefik.docker.lbswarm: true", "", ""},
		{"Traefik that an interrupted adoption told", traefik + ", traefik.docker.lbswarm: true", "vip", traefik, "; first its router must send to its virtual address, which takes 20s", ""},
		{"Traefik without an address", traefik, "dnsrr", traefik, "", "may still send to those tasks for up to 20s: run the command with --accept-gap"},
		{"Caddy", caddy, "vip", caddy, "", "for up to 35s: run the command with --accept-gap"},
		{"from Caddy to Traefik", caddy, "vip", traefik, "", "for up to 35s: run the command with --accept-gap"},
		{"none before", "a: b", "vip", traefik, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := func(labels, more string) string {
				return fmt.Sprintf("services:\n  web:\n    image: web:1\n    deploy: {endpoint_mode: %s, labels: {%s}}\n%s", c.endpoint, labels, more)
			}
			seen := plantest.Nothing()
			plantest.CarriedOut(seen, plantest.For(t, seen, file(c.labels, ""), plan.UpOptions{}))
			project := plantest.LoadShop(t, file(c.to, "    x-bluegreen: {ports: [{target: 8080}]}\n"))
			todo, err := plan.ForUp(project, seen, &plan.Images{}, plan.UpOptions{AcceptGap: c.err != ""})
			if err != nil {
				t.Fatal(err)
			}
			cause := "the service runs without proxies: it becomes the proxy service in place" + c.cause
			if adopt := todo.Steps[len(todo.Steps)-1]; adopt.Do != plan.Adopt || adopt.Cause != cause {
				t.Errorf("the last step is %s: %s", adopt.Do, adopt.Cause)
			}
			if _, err := plan.ForUp(project, seen, &plan.Images{}, plan.UpOptions{}); c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

// Proxies that were removed by hand come back with the color that served last.
func TestProxiesRemoved(t *testing.T) {
	seen := plantest.Nothing()
	two := strings.Replace(plantest.Shop, "web:1", "web:2", 1)
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	plantest.CarriedOut(seen, plantest.For(t, seen, two, plan.UpOptions{}))
	seen.BlueGreen["web"].Proxy = nil
	todo := plantest.For(t, seen, two, plan.UpOptions{})
	plantest.Want(t, todo, "create proxies shop_web: there are none\n")
	if to := todo.Steps[0].To; to.String() != "3:green" {
		t.Errorf("the proxies start with route %s, want 3:green", to)
	}
}

func TestActiveColorRemoved(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	delete(seen.BlueGreen["web"].Colors, cluster.Blue)
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}), "start color shop_web-blue: release 1: the active color was removed by hand\n")
}

// With nobody serving the color comes before the proxies: new ones are ready when they can serve.
func TestActiveColorWithoutTasks(t *testing.T) {
	ports := strings.Replace(plantest.Shop, `"80:8080"`, `"80:8080", "81:8081"`, 1)
	for _, tc := range []struct {
		name   string
		change func(b *cluster.BlueGreen)
		want   string
	}{
		{"removed", func(b *cluster.BlueGreen) { delete(b.Colors, cluster.Blue) },
			"start color shop_web-blue: release 1: the active color was removed by hand\n" +
				"update proxies shop_web: configs, ports, labels changed; they are replaced one after the other\n"},
		{"scaled to 0", func(b *cluster.BlueGreen) { b.Colors[cluster.Blue].Spec.Mode.Replicated.Replicas = new(uint64(0)) },
			"change color shop_web-blue: replicas 0 → 3, ports or health changed\n" +
				"check ports of shop_web-blue: 8081 must speak http before proxies take traffic there\n" +
				"update proxies shop_web: configs, ports, labels changed; they are replaced one after the other\n"},
		{"scaled to 2", func(b *cluster.BlueGreen) { b.Colors[cluster.Blue].Spec.Mode.Replicated.Replicas = new(uint64(2)) },
			"check ports of shop_web-blue: 8081 must speak http before proxies take traffic there\n" +
				"update proxies shop_web: configs, ports, labels changed; they are replaced one after the other\n" +
				"change color shop_web-blue: ports or health changed\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := plantest.Nothing()
			plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
			tc.change(seen.BlueGreen["web"])
			plantest.Want(t, plantest.For(t, seen, ports, plan.UpOptions{}), tc.want)
		})
	}
}

func TestTemplatesOfAnotherVersion(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	proxy := seen.BlueGreen["web"].Proxy
	proxy.Spec.Labels[cluster.LabelTemplates] = "older"
	proxy.Spec.TaskTemplate.ContainerSpec.Configs[0].ConfigName = "older"
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}),
		"update proxies shop_web: configs, labels changed, another version of this plugin made their files; they are replaced one after the other\n")
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name string
		file string
		seen func(*cluster.Snapshot)
		want string
	}{
		{"name taken", plantest.Shop, func(s *cluster.Snapshot) { s.Foreign["shop_web"] = api.Service{} }, "not of stack shop"},
		{"color name taken", plantest.Shop, func(s *cluster.Snapshot) { s.Foreign["shop_web-green"] = api.Service{} }, "the color green needs that name"},
		{"external network missing", plantest.Shop + "    networks: [edge]\nnetworks: {edge: {external: true}}\n", func(*cluster.Snapshot) {}, "docker network create"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := plantest.Nothing()
			tc.seen(seen)
			_, err := plan.ForUp(plantest.LoadShop(t, tc.file), seen, &plan.Images{}, plan.UpOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}
