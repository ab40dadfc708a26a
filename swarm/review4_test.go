package swarm

import (
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"strings"
)

// The port that is published leads to one that the color with the traffic has, also when a rollback
// goes to a release of other ports.
func TestPublishedPortAfterARollback(t *testing.T) {
	for _, how := range []string{"up", "rollback", "rollback --to"} {
		t.Run(how, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				other := func(v string) string { return strings.Replace(version(v), `"80:8080"`, `"80:9090"`, 1) }
				m.must(m.up(version("1")))
				m.must(m.up(other("2")))
				switch how {
				case "rollback":
					m.must(m.rollback())
				case "rollback --to":
					m.must(m.up(other("3")))
					m.wantError(m.operator().Rollback(m.t.Context(), plan.FlipOptions{Release: 1}), nil, "release 1 does not listen on port 9090, which is published as 80")
				}
				target := m.Service("shop_web").Spec.EndpointSpec.Ports[0].TargetPort
				route, err := haproxy.ParseRoute(m.Routes("web")[0])
				m.must(err)
				release, _ := cluster.ProxiedPorts(m.Service("shop_web-" + route.Color).Spec)
				for _, p := range release.Ports {
					if uint32(p.Target) == target {
						return
					}
				}
				t.Errorf("port 80 leads to port %d of the proxies, and %s has %v", target, route.Color, release.Ports)
			})
		})
	}
}
