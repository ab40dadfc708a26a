package plan_test

import (
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// deployed is a swarm that holds what a file says.
func deployed(t *testing.T, file string) *cluster.Snapshot {
	t.Helper()
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, file, plan.UpOptions{}))
	return seen
}

// What runs otherwise than the file says, and what is done about it.
func TestWhatRunsOtherwise(t *testing.T) {
	blue := func(s *cluster.Snapshot) *api.Service { return s.BlueGreen["web"].Colors[cluster.Blue] }
	for _, tc := range []struct {
		name   string
		change func(s *cluster.Snapshot)
		file   string
		want   string
	}{
		{"nothing", func(*cluster.Snapshot) {}, plantest.Shop, "nothing to do\n"},
		{"tasks of the active color do not run", func(s *cluster.Snapshot) { blue(s).ServiceStatus.RunningTasks = 1 }, plantest.Shop,
			"await shop_web-blue: 1 of 3 tasks run\n"},
		{"proxies do not run", func(s *cluster.Snapshot) { s.BlueGreen["web"].Proxy.ServiceStatus.RunningTasks = 1 }, plantest.Shop,
			"await shop_web: 1 of 2 proxies run\n"},
		{"proxies do not run, and their labels change", func(s *cluster.Snapshot) { s.BlueGreen["web"].Proxy.ServiceStatus.RunningTasks = 1 },
			strings.Replace(plantest.Shop, "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1), "update proxies shop_web: labels changed\nawait shop_web: 1 of 2 proxies run\n"},
		{"a plain service does not run", func(s *cluster.Snapshot) {
			db := s.Plain["db"]
			db.ServiceStatus = &api.ServiceStatus{DesiredTasks: 1}
			s.Plain["db"] = db
		}, plantest.Shop, "await shop_db\n"},
		{"the file follows a number set by hand", func(s *cluster.Snapshot) { blue(s).Spec.Mode.Replicated.Replicas = new(uint64(4)) },
			strings.Replace(plantest.Shop, "replicas: 3", "replicas: 4", 1), "change color shop_web-blue: the file's number of replicas changed\n"},
		{"a number set by hand, and another in the file", func(s *cluster.Snapshot) { blue(s).Spec.Mode.Replicated.Replicas = new(uint64(5)) },
			strings.Replace(plantest.Shop, "replicas: 3", "replicas: 4", 1), "change color shop_web-blue: replicas 5 → 4\n"},
		{"a service that the file calls otherwise", func(*cluster.Snapshot) {}, strings.Replace(plantest.Shop, "  db:", "  database:", 1),
			"create service shop_database: it does not exist\nawait shop_database\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := deployed(t, plantest.Shop)
			tc.change(seen)
			plantest.Want(t, plantest.For(t, seen, tc.file, plan.UpOptions{}), tc.want)
		})
	}
}

// Colors without proxies: which one takes the first traffic, and what becomes of it.
func TestColorsWithoutProxies(t *testing.T) {
	two := strings.Replace(plantest.Shop, "web:1", "web:2", 1)
	three := strings.Replace(plantest.Shop, "web:1", "web:3", 1)
	const proxies = "create proxies shop_web: there are none\n"
	for _, tc := range []struct {
		name   string
		change func(b *cluster.BlueGreen)
		file   string
		want   string
		route  string
	}{
		{"what the file says, on the one that served last", func(*cluster.BlueGreen) {}, two, proxies, "3:green"},
		{"what the file says, on the other one", func(*cluster.BlueGreen) {}, plantest.Shop, proxies, "3:blue"},
		{"another release", func(*cluster.BlueGreen) {}, three, "stop color shop_web-blue: it makes room for release 3\n" +
			"start color shop_web-blue: release 3: image shop/web:1 → shop/web:3\n" + proxies, "3:blue"},
		{"the one that is there does not run", func(b *cluster.BlueGreen) { b.Colors[cluster.Green].ServiceStatus.RunningTasks = 0 }, two,
			"start color shop_web-green: release 2: its tasks do not run\n" + proxies, "3:green"},
		{"only green is there, and never served", func(b *cluster.BlueGreen) {
			delete(b.Colors, cluster.Blue)
			delete(b.Colors[cluster.Green].Spec.Labels, cluster.LabelServed)
		}, three, "stop color shop_web-green: it makes room for release 3\n" +
			"start color shop_web-green: release 3: image shop/web:2 → shop/web:3\n" +
			"check ports of shop_web-green: 8080 must speak http before proxies take traffic there\n" + proxies, "1:green"},
		{"only green is there, and served", func(b *cluster.BlueGreen) { delete(b.Colors, cluster.Blue) }, three,
			"start color shop_web-blue: release 3: first release\n" +
				"check ports of shop_web-blue: 8080 must speak http before proxies take traffic there\n" + proxies, "3:blue"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := twoReleases(t, plantest.Shop)
			seen.BlueGreen["web"].Proxy = nil
			tc.change(seen.BlueGreen["web"])
			todo := plantest.For(t, seen, tc.file, plan.UpOptions{})
			plantest.Want(t, todo, tc.want)
			if last := todo.Steps[len(todo.Steps)-1]; last.To.String() != tc.route {
				t.Errorf("the proxies begin with %s, want %s", last.To, tc.route)
			}
		})
	}
}

// What cannot be planned, and what to write instead.
func TestWhatCannotBePlanned(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(s *cluster.Snapshot)
		file   string
		opts   plan.UpOptions
		want   string
	}{
		{"another mode", func(*cluster.Snapshot) {}, strings.Replace(plantest.Shop, "image: postgres:16", "image: postgres:16\n    deploy: {mode: global}", 1), plan.UpOptions{},
			"service db runs as replicated on the swarm and deploy.mode in the file is global, which Swarm cannot change: write deploy.mode: replicated, or give the service another name in the file"},
		{"an unknown service", func(*cluster.Snapshot) {}, plantest.Shop, plan.UpOptions{Services: []string{"www"}}, "no such service: www"},
		{"a local network", func(s *cluster.Snapshot) {
			s.Networks["front"] = network.Summary{Name: "front", ID: "f", Scope: "local"}
		},
			plantest.Shop + "networks: {default: {external: true, name: front}}\n", plan.UpOptions{},
			"network front exists only on this node: create one for services with `docker network create --driver overlay`"},
		{"the name of another's service", func(s *cluster.Snapshot) { s.Foreign["shop_web"] = api.Service{} }, plantest.Shop, plan.UpOptions{},
			"service web: the swarm service shop_web exists, and is not of stack shop: give the service another name in the file, or the stack with -p"},
		{"the name of another's color", func(s *cluster.Snapshot) { s.Foreign["shop_web-blue"] = api.Service{} }, plantest.Shop, plan.UpOptions{},
			"service web: the swarm service shop_web-blue is not of stack shop, but the color blue needs that name: give the service another name in the file, or the stack with -p"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := deployed(t, plantest.Shop)
			tc.change(seen)
			_, err := plan.ForUp(plantest.LoadShop(t, tc.file), seen, &plan.Images{}, tc.opts)
			if err == nil || err.Error() != tc.want {
				t.Errorf("error %v,\nwant %s", err, tc.want)
			}
		})
	}
}

// A service with network_mode that docker stack deploy put on a network stays there, and the user
// is told how to move it.
func TestServiceStaysOnItsNetwork(t *testing.T) {
	seen := deployed(t, "services: {agent: {image: 'agent:1'}}")
	host := "services: {agent: {image: 'agent:1', network_mode: host}}"
	todo, err := plan.ForUp(plantest.LoadShop(t, host), seen, &plan.Images{}, plan.UpOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plantest.Want(t, todo, "nothing to do\n")
	want := "service agent: network_mode: host: docker stack deploy drops the key, so the service runs on shop_default, and it stays there. " +
		"To move it write networks: [node] in the service, and networks: {node: {name: host, external: true}} at the top of the file"
	if got := plan.StayingNetworks(seen, plantest.LoadShop(t, host)); len(got) != 1 || got[0] != want {
		t.Errorf("%q,\nwant %q", got, want)
	}
	if got := plan.StayingNetworks(seen, plantest.LoadShop(t, "services: {agent: {image: 'agent:1'}}")); len(got) != 0 {
		t.Errorf("a service without network_mode: %q", got)
	}
}

// How many tasks of a job must complete.
func TestCompletions(t *testing.T) {
	for _, tc := range []struct {
		name string
		job  api.ReplicatedJob
		want uint64
	}{
		{"one", api.ReplicatedJob{}, 1},
		{"as many as run at once", api.ReplicatedJob{MaxConcurrent: new(uint64(3))}, 3},
		{"as many as it says", api.ReplicatedJob{MaxConcurrent: new(uint64(3)), TotalCompletions: new(uint64(7))}, 7},
	} {
		if got := plan.Completions(&tc.job); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}
