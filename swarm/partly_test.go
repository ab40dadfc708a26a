package swarm

import (
	"regexp"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

var routesOfOthers = regexp.MustCompile(`\nroute api [^\n]*`)

// halfOrders lets flips of several services reach only web, and their answers are lost, as when the
// node of the order fails at that moment.
func (m *memory) halfOrders() {
	m.ordering(func(order string) string {
		if strings.Contains(order, "\nuntil ") && strings.Contains(order, "\nroute web ") && routesOfOthers.MatchString(order) {
			return routesOfOthers.ReplaceAllString(order, "") + "half\n"
		}
		return order
	}, func(order string, lines []string) []string {
		if strings.Contains(order, "half\n") {
			return []string{"error it was killed"}
		}
		return lines
	})
}

// An order that reached one of two services: each goes where its proxies send, the command says so
// and how to go on, and no color is stopped that a proxy sends to.
func TestOneServiceMovedAndOneDidNot(t *testing.T) {
	file := func(v, keep string) string {
		return `services:
  api: {image: 'shop/api:` + v + `', expose: [8080], x-bluegreen: {keep: ` + keep + `}}
  web: {image: 'shop/web:` + v + `', expose: [8080], x-bluegreen: {keep: ` + keep + `}}
`
	}
	const partly = "control job: it was killed\ntraffic of web has moved, and that of api has not: run `docker bluegreen "
	for _, tc := range []struct {
		name, keep string
		first      func(m *memory) error
		want       string
		again      func(m *memory) error
	}{
		{"flip", "warm", (*memory).flip, partly + "flip api`", func(m *memory) error {
			return m.operator().Flip(m.t.Context(), plan.FlipOptions{Services: []string{"api"}})
		}},
		{"flip, keep cold", "cold", (*memory).flip, partly + "flip api`", func(m *memory) error {
			return m.operator().Flip(m.t.Context(), plan.FlipOptions{Services: []string{"api"}})
		}},
		{"rollback", "warm", (*memory).rollback, partly + "rollback api`", func(m *memory) error {
			return m.operator().Rollback(m.t.Context(), plan.FlipOptions{Services: []string{"api"}})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.Apps[bluegreen.DefaultProxyImage] = m.Default
				m.must(m.up(file("1", tc.keep)))
				m.must(m.up(file("2", tc.keep)))
				m.halfOrders()
				m.wantText(tc.first(m), tc.want)
				m.wrap = nil
				m.calm()
				m.wantRoutes("3:blue", "3:blue")
				if got := strings.Join(m.Routes("api"), " "); got != "4:green 4:green" {
					m.t.Errorf("proxies of api send by %s", got)
				}
				if got := m.services(); got["shop_api-green"] != "shop/api:2 |" {
					m.t.Errorf("the active color of api is %s", got["shop_api-green"])
				}
				m.must(tc.again(m))
				if got := strings.Join(m.Routes("api"), " "); got != "5:blue 5:blue" {
					m.t.Errorf("in the end proxies of api send by %s", got)
				}
				m.wantRoutes("3:blue", "3:blue")
			})
		})
	}
	t.Run("up", func(t *testing.T) {
		inMemory(t, func(m *memory) {
			m.Apps[bluegreen.DefaultProxyImage] = m.Default
			m.must(m.up(file("1", "warm")))
			m.halfOrders()
			m.wantText(m.up(file("2", "warm")), partly+"up` again")
			m.wrap = nil
			m.calm()
			m.wantRoutes("2:green", "2:green")
			m.must(m.up(file("2", "warm")))
			m.wantRoutes("2:green", "2:green")
			if got := strings.Join(m.Routes("api"), " "); got != "4:green 4:green" {
				m.t.Errorf("in the end proxies of api send by %s", got)
			}
		})
	})
}
