package swarm

import (
	"fmt"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// manyServices is a file of blue-green services that share their proxies' settings.
func manyServices(n int, release string) string {
	var b strings.Builder
	b.WriteString("x-bluegreen: {control: {subnet: 10.200.0.0/16}}\nnetworks: {default: {ipam: {config: [{subnet: 10.201.0.0/16}]}}}\nservices:\n")
	for i := range n {
		fmt.Fprintf(&b, "  s%03d: {image: 'shop/s:%s', expose: [8080], x-bluegreen: {proxy: {deploy: {mode: replicated, replicas: 2}}}}\n", i, release)
	}
	return b.String()
}

// looks is how many more looks may fall into the time that a flip takes.
const looks = 20

// A look at a stack, and an up with nothing to do, make as many calls for a hundred services as for
// ten; a flip of one makes no more where there are others.
func TestCallsOfManyServices(t *testing.T) {
	counts := map[int]map[string]int{}
	for _, n := range []int{10, 100} {
		inMemory(t, func(m *memory) {
			m.must(m.up(manyServices(n, "1")))
			m.must(m.up(manyServices(n, "2")))
			made := map[string]int{}
			for name, command := range map[string]func() error{
				"status": func() error { _, err := m.operator().Status(m.t.Context(), false); return err },
				"up":     func() error { return m.up(manyServices(n, "2")) },
			} {
				m.Calls()
				m.must(command())
				made[name] = len(m.Calls())
			}
			m.Calls()
			m.must(m.operator().Flip(m.t.Context(), plan.FlipOptions{Services: []string{"s000"}}))
			made["flip of one"] = len(m.Calls())
			counts[n] = made
		})
	}
	for name, few := range counts[10] {
		t.Logf("%s: %d calls for 10 services, %d for 100", name, few, counts[100][name])
		if many := counts[100][name]; many > few+looks {
			t.Errorf("%s: %d calls for 100 services, %d for 10", name, many, few)
		}
	}
}
