package execute

import (
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// Whatever a plan can have, something carries it out, and nothing else is there.
func TestEveryActionHasItsFunction(t *testing.T) {
	known := map[plan.Action]bool{}
	for _, a := range plan.Actions() {
		known[a] = true
		if (functions[a] == nil) != a.Ordered() {
			t.Errorf("%s: has a function: %v", a, functions[a] != nil)
		}
	}
	for a := range functions {
		if !known[a] {
			t.Errorf("%s has a function, and plans know no such action", a)
		}
	}
}
