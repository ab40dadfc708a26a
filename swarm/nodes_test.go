package swarm

import (
	"slices"
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// nodesOf are the host names of the nodes on which tasks of a service run.
func (m *memory) nodesOf(service string) []string {
	m.t.Helper()
	tasks, err := m.tasks(m.Service(service).ID)
	m.must(err)
	var out []string
	for _, task := range tasks {
		if task.Status.State == api.TaskStateRunning {
			out = append(out, strings.Replace(task.NodeID, "node", "n", 1))
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(out)))
}

// setNodes gives all nodes a state.
func (m *memory) setNodes(state api.NodeState) {
	for _, name := range []string{"n1", "n2", "n3"} {
		m.SetNode(name, state)
	}
}

const bringBack = "nothing was stopped: both colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again"

// What a user reads when a proxy cannot be reached, and what every next command makes of it.
func TestTextsOfANodeThatIsDown(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		node := m.nodeOfProxy()
		m.lose(node)
		m.wantText(m.flip(), "service web: not all proxies confirmed: shop_web.X on nX (node is down)\nthe others send to blue now; "+bringBack)
		m.wantText(m.flip(), "service web: not all proxies confirmed: shop_web.X on nX (node is down)\n"+bringBack)
		m.wantText(m.up(version("3")), "service web: not all proxies confirmed: shop_web.X on nX (node is down)\n"+bringBack)
		m.wantText(m.rollback(), "service web: not all proxies confirmed: shop_web.X on nX (node is down)\nthe others send to green now; "+bringBack)
		m.wantTold("settle: rolling back anyway: service web: not all proxies confirmed: shop_web.X on nX (node is down)\n" + bringBack)
		m.SetNode(node, api.NodeStateReady)
		m.must(m.flip())
		m.wantTold("settle: an earlier flip of web did not end: asking the proxies", "settle: the earlier flip of web has ended", "web flip: green is active already")
		m.wantRoutes("4:green", "4:green")
	})
}

// Proxies that are all on nodes that are down: nothing is told, and nothing is stopped.
func TestAllProxiesDown(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := func(v string) string { // else other proxies take their place
			return strings.NewReplacer("deploy: {", "deploy: {placement: {constraints: [node.hostname != n1]}, ",
				"x-bluegreen: {}", "x-bluegreen: {proxy: {deploy: {placement: {constraints: [node.hostname == n1]}}}}").Replace(version(v))
		}
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		m.lose("n1")
		for name, err := range map[string]error{"flip": m.flip(), "rollback": m.rollback(), "up": m.operator().Up(m.t.Context(),
			plantest.LoadShop(m.t, file("3")), plan.UpOptions{ResolveImage: plan.ResolveNever, SkipPreflight: true})} {
			if err == nil || !strings.HasPrefix(err.Error(), "service web: none of its proxies runs: see `docker service ps shop_web`") {
				m.t.Errorf("%s: error %v", name, err)
			}
		}
		for _, c := range cluster.Colors {
			if cluster.IsStopped(m.Service("shop_web-" + string(c)).Spec) {
				m.t.Errorf("%s was stopped, and a proxy may still send there", c)
			}
		}
		m.SetNode("n1", api.NodeStateReady)
		m.must(m.up(file("3")))
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// A service that is given back while proxies cannot be reached: those may still send to the colors,
// so these stay.
func TestGivenBackWithNodesDown(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp(bluegreen.DefaultProxyImage, swarmtest.App{Start: time.Second, Stop: time.Hour})
		m.two()
		down := m.nodesOf("shop_web")
		m.Before = func(call, object string) error {
			if call == "ServiceUpdate" && object == "shop_web" {
				for _, node := range down {
					m.SetNode(node, api.NodeStateDown)
				}
				time.Sleep(20 * time.Second) // less than a write may take
			}
			return nil
		}
		m.wantText(m.upWith(plainly(version("2")), plan.UpOptions{Yes: true}), "service web: not all proxies confirmed: shop_web.X on nX (node is down); shop_web.X on nX (node is down)\n"+
			"the colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again")
		m.Before = nil
		m.wantServices(map[string]string{"shop_web": "shop/web:2 |||||", "shop_web-blue": "shop/web:1 |||||", "shop_web-green": "shop/web:2 |||||", "shop_db": postgres})
		for _, node := range down {
			m.SetNode(node, api.NodeStateReady)
		}
		time.Sleep(2 * time.Hour)
		m.must(m.up(plainly(version("2"))))
		m.wantServices(map[string]string{"shop_web": "shop/web:2 |||", "shop_db": postgres})
	})
}

// The node of the control job goes down under it: another proxy's node takes its place.
func TestNodeOfTheOrderGoesDown(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		node := ""
		m.After = func(call, object string) error {
			if call == "ServiceCreate" && strings.Contains(object, "_order-") && node == "" {
				job := m.Service(object).Spec.TaskTemplate.Placement.Constraints[0]
				node = strings.Replace(strings.TrimPrefix(job, "node.id=="), "node", "n", 1)
				m.SetNode(node, api.NodeStateDown)
			}
			return nil
		}
		err := m.flip()
		m.After = nil
		var late *cluster.UnconfirmedError
		m.wantError(err, &late, "service web: not all proxies confirmed: ", " on "+node+" (node is down)")
		m.SetNode(node, api.NodeStateReady)
		m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "blue"}))
		routes := m.Routes("web")
		if len(slices.Compact(routes)) != 1 || !strings.HasSuffix(routes[0], ":blue") {
			m.t.Errorf("proxies send by %v, want all to blue", routes)
		}
	})
}

// A stack goes down with a node that does not answer: what is there is not waited for.
func TestDownWithANodeDown(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.Default.Stop = time.Hour
		m.setNodes(api.NodeStateDown)
		began := time.Now()
		m.must(m.down())
		if took := time.Since(began); took > 3*time.Minute {
			m.t.Errorf("it took %s", took)
		}
		if left := m.Objects(); len(left) > 0 {
			m.t.Errorf("left: %v", left)
		}
	})
}

// Tasks that do not end hold a down up for a while only, and it says where to look. The colors stay
// as long as proxies may send to them.
func TestDownOfTasksThatDoNotEnd(t *testing.T) {
	for _, tc := range []struct{ name, image, blue string }{
		{"proxies", bluegreen.DefaultProxyImage, "shop/web:1 x 3 of 3"},
		{"colors", "shop/web:1", "none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.SetApp(tc.image, swarmtest.App{Start: time.Second, Stop: time.Hour})
				m.two()
				m.wantText(m.down(), "removed tasks of stack shop did not end within 2m34s: see `docker node ps` on each node")
				if got := m.color(cluster.Blue); got != tc.blue {
					m.t.Errorf("blue is %s, want %s", got, tc.blue)
				}
				time.Sleep(2 * time.Hour)
				m.must(m.down())
				if left := m.Objects(); len(left) > 0 {
					m.t.Errorf("left: %v", left)
				}
			})
		})
	}
}
