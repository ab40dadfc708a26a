package swarm

import (
	"strings"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

const downProxy = "service web: not all proxies confirmed: shop_web.X on nX (node is down)\n"

// losingAProxy takes the node of a proxy down at the nth call to an object; it returns the node.
func (m *memory) losingAProxy(call, object string, nth int) string {
	m.t.Helper()
	node, n := m.nodeOfProxy(), 0
	m.Before = func(c, o string) error {
		if c == call && o == object {
			if n++; n == nth {
				m.SetNode(node, api.NodeStateDown)
			}
		}
		return nil
	}
	return node
}

// A proxy that cannot be asked where it sends keeps every color from being stopped, changed or
// removed, whatever the reason. The same command goes on once the proxy can be asked.
func TestInDoubtBothColorsRunOn(t *testing.T) {
	refuses := swarmtest.App{Start: time.Second, Refuses: true}
	for _, tc := range []struct {
		name        string
		before      func(m *memory)
		call        string
		object      string
		nth         int
		command     func(m *memory) error
		want        string // the end of the error
		blue, green string
		after       string // colors, when the same command has run again
	}{
		{"a release that is undone", func(m *memory) { m.two(); m.SetApp("shop/web:3", refuses) }, "ServiceUpdate", "shop_web-blue", 2,
			func(m *memory) error { return m.up(version("3")) },
			"shop_web-blue could not be restored: " + downProxy + bringBack, "shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3",
			"shop/web:3 x 3 of 3, shop/web:2 x 3 of 3"},
		{"a new color that is undone", func(m *memory) { m.must(m.up(version("1"))); m.SetApp("shop/web:3", refuses) }, "ServiceCreate", "shop_web-green", 1,
			func(m *memory) error { return m.up(version("3")) },
			"shop_web-green could not be restored: " + downProxy + bringBack, "shop/web:1 x 3 of 3", "shop/web:3 x 3 of 3",
			"shop/web:1 x 3 of 3, shop/web:3 x 3 of 3"},
		{"a release that a rollback restores", func(m *memory) {
			m.two()
			m.must(m.upWith(version("3"), plan.UpOptions{NoFlip: true}))
		}, "ConfigCreate", "shop-bluegreen-lock", 1, (*memory).rollback, downProxy + bringBack, "shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3",
			"shop/web:1 x 3 of 3, shop/web:2 x 3 of 3"},
		{"keep: cold", func(m *memory) {
			m.must(m.up(options(version("1"), "{keep: cold}")))
			m.must(m.up(options(version("2"), "{keep: cold}")))
			m.must(m.flip())
			m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{To: "green"}))
		}, "ConfigCreate", "shop-bluegreen-lock", 1, (*memory).flip, "the others send to blue now; " + bringBack, "shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3",
			"shop/web:1 x 3 of 3, shop/web:2 x 3 of 3"},
		{"prune", (*memory).two, "ServiceRemove", "shop_web", 1,
			func(m *memory) error {
				return m.upWith("services: {db: {image: 'postgres:16'}}", plan.UpOptions{Prune: true, Yes: true})
			},
			downProxy + "the colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again",
			"shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3", "none, none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.SetApp(bluegreen.DefaultProxyImage, swarmtest.App{Start: time.Second, Stop: 5 * time.Second})
				tc.before(m)
				m.calm()
				node := m.losingAProxy(tc.call, tc.object, tc.nth)
				err := tc.command(m)
				m.Before = nil
				if err == nil || !strings.HasSuffix(steady(err.Error()), tc.want) {
					m.t.Errorf("error:\n%v\nwant at its end:\n%s", err, tc.want)
				}
				m.wantError(err, new(*cluster.UnconfirmedError))
				m.SetNode(node, api.NodeStateReady) // its tasks cannot be seen else
				m.wantColors(tc.blue, tc.green)
				_ = tc.command(m)
				m.calm()
				if got := m.color(cluster.Blue) + ", " + m.color(cluster.Green); got != tc.after {
					m.t.Errorf("in the end the colors are %s, want %s", got, tc.after)
				}
			})
		})
	}
}

// A stack goes down from the front: the colors go when no proxy sends to them any more.
func TestDownProxiesFirst(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp(bluegreen.DefaultProxyImage, swarmtest.App{Start: time.Second, Stop: 20 * time.Second})
		m.two()
		colors := 0
		m.Before = func(call, object string) error {
			if call == "ServiceRemove" && (object == "shop_web-blue" || object == "shop_web-green") {
				colors++
				if routes := m.Routes("web"); len(routes) > 0 {
					m.t.Errorf("%s is removed while proxies send by %v", object, routes)
				}
			}
			return nil
		}
		m.must(m.down())
		if colors != 2 {
			m.t.Errorf("%d colors were removed, want 2", colors)
		}
	})
}

// A proxy that the manager has given up after a day counts as long as its task is there: nobody has
// heard from it.
func TestProxyThatIsGivenUp(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		node := m.nodeOfProxy()
		m.SetNode(node, api.NodeStateDown)
		time.Sleep(25 * time.Hour)
		m.wantText(m.up(version("3")), downProxy+bringBack)
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.SetNode(node, api.NodeStateReady)
		m.calm()
		m.must(m.up(version("3")))
	})
}

// A proxy on a node that is down counts when its service was removed by hand and there is another
// one by now: nobody has told it where to send.
func TestProxyOfARemovedService(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(version("1")))
		node := m.nodeOfProxy()
		m.lose(node)
		m.removeByHand("shop_web")
		m.must(m.up(version("2")))
		m.wantText(m.up(version("3")), downProxy+
			"the colors run on. Bring the node back, or remove it with `docker node rm --force`. Then run the same command again")
		m.SetNode(node, api.NodeStateReady)
		m.calm()
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.up(version("3")))
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}
