package plan_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// An agreement holds while the route and the release on the idle color are those of the plan.
func TestUnmoved(t *testing.T) {
	const refused = "service web: somebody has moved the traffic or changed a release meanwhile (%s), so nothing was done: look again, and then decide"
	agreed := map[string]plan.Stand{"web": {Sequence: 2, Idle: 1}}
	label := func(l, value string) func(*cluster.Snapshot) {
		return func(s *cluster.Snapshot) { s.BlueGreen["web"].Proxy.Spec.Labels[l] = value }
	}
	for name, c := range map[string]struct {
		opts   plan.FlipOptions
		change func(*cluster.Snapshot)
		want   string
	}{
		"the same":       {opts: plan.FlipOptions{Expect: agreed}},
		"no agreement":   {opts: plan.FlipOptions{}, change: label(cluster.LabelAlias+"web", "3:blue")},
		"traffic moved":  {opts: plan.FlipOptions{Expect: agreed}, change: label(cluster.LabelAlias+"web", "3:blue"), want: "route 2 then, 3 now"},
		"there and back": {opts: plan.FlipOptions{Expect: agreed}, change: label(cluster.LabelAlias+"web", "4:green"), want: "route 2 then, 4 now"},
		"another release": {opts: plan.FlipOptions{Expect: agreed}, want: "the idle color held release 1 then, 3 now", change: func(s *cluster.Snapshot) {
			s.BlueGreen["web"].Colors[cluster.Blue].Spec.Labels[cluster.LabelRelease] = "3"
		}},
		"removed by hand": {opts: plan.FlipOptions{Expect: agreed}, want: "the idle color held release 1 then, 0 now", change: func(s *cluster.Snapshot) {
			delete(s.BlueGreen["web"].Colors, cluster.Blue)
		}},
		"a new service": {opts: plan.FlipOptions{Expect: map[string]plan.Stand{}}, want: "it was not in the plan"},
		"by its number": {opts: plan.FlipOptions{Expect: agreed, Release: 1}, change: label(cluster.LabelAlias+"web", "3:blue"), want: "route 2 then, 3 now"},
	} {
		t.Run(name, func(t *testing.T) {
			seen := twoReleases(t, plantest.Shop)
			if c.change != nil {
				c.change(seen)
			}
			got, want := "", ""
			if err := c.opts.Unmoved(seen); err != nil {
				got = err.Error()
			}
			if c.want != "" {
				want = fmt.Sprintf(refused, c.want)
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
	p, err := plan.ForRollback(twoReleases(t, plantest.Shop), plan.FlipOptions{})
	if err != nil || !maps.Equal(p.Stands, agreed) {
		t.Errorf("the plan rests on %v, %v", p.Stands, err)
	}
}
