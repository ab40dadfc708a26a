package execute

import (
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// Flips that do not depend on each other go in one order, others one after the other.
func TestFlipsInOneOrder(t *testing.T) {
	file := `
services:
  api: {image: "api:1", expose: [80], x-bluegreen: {}}
  web: {image: "web:1", expose: [80], x-bluegreen: {}, depends_on: [api]}
  site: {image: "site:1", expose: [80], x-bluegreen: {}}
`
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, file, plan.UpOptions{}))
	todo := plantest.For(t, seen, strings.ReplaceAll(file, ":1", ":2"), plan.UpOptions{})
	var orders []string
	for _, part := range parts(todo) {
		for _, u := range part {
			if u.steps[0].Do != plan.Flip {
				continue
			}
			var names []string
			for _, s := range u.steps {
				names = append(names, s.Service)
			}
			orders = append(orders, strings.Join(names, "+"))
		}
	}
	if got := strings.Join(orders, ", "); got != "api+site, web" {
		t.Errorf("orders %s, want api+site, web\n%s", got, todo)
	}
}
