package plan_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// twoReleases is a swarm with release 1 on blue and release 2, which serves, on green.
func twoReleases(t *testing.T, file string) *cluster.Snapshot {
	t.Helper()
	seen := plantest.Nothing()
	for _, v := range []string{"1", "2"} {
		plantest.CarriedOut(seen, plantest.For(t, seen, strings.Replace(file, "web:1", "web:"+v, 1), plan.UpOptions{}))
	}
	return seen
}

var cold = strings.Replace(plantest.Shop, "x-bluegreen: {}", "x-bluegreen: {keep: cold}", 1)

func TestFlipAndRollback(t *testing.T) {
	const toBlue = "flip shop_web to blue: release 1\n"
	blueCold := func(s *cluster.Snapshot) {
		s.BlueGreen["web"].Colors[cluster.Blue].Spec = cluster.Stopped(s.BlueGreen["web"].Colors[cluster.Blue].Spec)
	}
	replaced := func(s *cluster.Snapshot) { // an up that was interrupted has begun release 3 on blue
		b := s.BlueGreen["web"]
		b.Saved[cluster.Blue] = new(cluster.Clone(b.Colors[cluster.Blue].Spec))
		b.Colors[cluster.Blue].Spec.Labels[cluster.LabelRelease] = "3"
	}
	for _, tc := range []struct {
		name         string
		file         string
		opts         plan.FlipOptions
		change       func(*cluster.Snapshot)
		flip, back   string
		flipError    string
		rollbackFail string
	}{
		{name: "warm", flip: toBlue, back: toBlue},
		{name: "to the active color", opts: plan.FlipOptions{To: "green"}, flip: "nothing to do\n", back: toBlue},
		{name: "to the idle color", opts: plan.FlipOptions{To: "blue"}, flip: toBlue, back: toBlue},
		{name: "cold", file: cold,
			flip: "warm color shop_web-blue: it is scaled to 0\n" + toBlue + "retire color shop_web-green: it is idle after the flip, keep: cold\n",
			back: "warm color shop_web-blue: it is scaled to 0\n" + toBlue + "retire color shop_web-green: it is idle after the flip, keep: cold\n"},
		{name: "scaled down by hand", change: blueCold, flip: "warm color shop_web-blue: it is scaled to 0\n" + toBlue, back: "warm color shop_web-blue: it is scaled to 0\n" + toBlue},
		{name: "tasks that do not run", change: func(s *cluster.Snapshot) { s.BlueGreen["web"].Colors[cluster.Blue].ServiceStatus.RunningTasks = 1 },
			flip: toBlue, back: "warm color shop_web-blue: not all of its tasks run\n" + toBlue},
		{name: "a release that never served has its place", change: replaced, flip: "flip shop_web to blue: release 3\n",
			back: "restore color shop_web-blue: release 3 had no traffic yet\n" + toBlue},
		{name: "a flip that this command has finished", change: func(s *cluster.Snapshot) { s.Finished["web"] = cluster.BeganByFlip },
			flip: "nothing to do\n", back: toBlue},
		{name: "a rollback that this command has finished", change: func(s *cluster.Snapshot) { s.Finished["web"] = cluster.BeganByRollback },
			flip: "nothing to do\n", back: "nothing to do\n"},
		{name: "another release", change: func(s *cluster.Snapshot) {
			s.BlueGreen["web"].Colors[cluster.Blue].Spec.Labels[cluster.LabelRelease] = "9"
		},
			flip:         "flip shop_web to blue: release 9\n",
			rollbackFail: "service web: release 1 is gone, and shop_web-blue holds release 9, which was not active before: run `docker bluegreen flip web` to make it active"},
		{name: "removed by hand", change: func(s *cluster.Snapshot) { delete(s.BlueGreen["web"].Colors, cluster.Blue) },
			flipError:    "service web has no blue yet: run `docker bluegreen up` with a new release",
			rollbackFail: "service web cannot roll back to release 1: shop_web-blue was removed by hand: run `docker bluegreen up` with the file of that release"},
		{name: "no flip yet", change: func(s *cluster.Snapshot) { delete(s.BlueGreen["web"].Proxy.Spec.Labels, cluster.LabelPrevious) }, flip: toBlue,
			rollbackFail: "service web cannot roll back: it has not been flipped yet"},
		{name: "no such service", opts: plan.FlipOptions{Services: []string{"x"}}, flipError: "stack shop has no blue-green service x: it has web",
			rollbackFail: "stack shop has no blue-green service x: it has web"},
		{name: "a plain service", opts: plan.FlipOptions{Services: []string{"db"}},
			flipError:    "service db of stack shop is not blue-green: add x-bluegreen to it and run `docker bluegreen up`",
			rollbackFail: "service db of stack shop is not blue-green: add x-bluegreen to it and run `docker bluegreen up`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := tc.file
			if file == "" {
				file = plantest.Shop
			}
			seen := twoReleases(t, file)
			if tc.change != nil {
				tc.change(seen)
			}
			check := func(verb string, find func(*cluster.Snapshot, plan.FlipOptions) (plan.Plan, error), want, wantError string) {
				p, err := find(seen, tc.opts)
				switch {
				case wantError != "" && (err == nil || err.Error() != wantError):
					t.Errorf("%s: error %v, want %s", verb, err, wantError)
				case wantError == "" && err != nil:
					t.Errorf("%s: %v", verb, err)
				case wantError == "":
					plantest.Want(t, p, want)
				}
				for _, s := range p.Steps {
					if s.Do == plan.Flip && (s.Force != (verb == "rollback") || s.From.String() != "2:green" || s.To.String() != "3:blue") {
						t.Errorf("%s: step %+v", verb, s)
					}
				}
			}
			check("flip", plan.ForFlip, tc.flip, tc.flipError)
			check("rollback", plan.ForRollback, tc.back, tc.rollbackFail)
		})
	}
}

// A promote leads to the release that waits, as long as it has not had the traffic.
func TestPromote(t *testing.T) {
	const flip = "flip shop_web to blue: release 3\n"
	for _, tc := range []struct {
		name, file string
		opts       plan.UpOptions
		change     func(*cluster.BlueGreen)
		want       string
	}{
		{name: "waits", opts: plan.UpOptions{NoFlip: true}, want: flip},
		{name: "waits, with keep: cold", file: cold, opts: plan.UpOptions{NoFlip: true}, want: flip + "retire color shop_web-green: it is idle after the flip, keep: cold\n"},
		{name: "scaled down by hand", opts: plan.UpOptions{NoFlip: true}, want: "warm color shop_web-blue: it is scaled to 0\n" + flip,
			change: func(b *cluster.BlueGreen) {
				b.Colors[cluster.Blue].Spec = cluster.Stopped(b.Colors[cluster.Blue].Spec)
			}},
		{name: "nothing waits", want: "nothing to do\n"},
		{name: "a promote that did not reach the proxies was overruled", opts: plan.UpOptions{NoFlip: true}, want: flip,
			change: func(b *cluster.BlueGreen) { b.Proxy.Spec.Labels[cluster.LabelAlias+"web"] = "4:green" }},
		{name: "traffic was there, and was taken back", opts: plan.UpOptions{NoFlip: true}, want: "nothing to do\n",
			change: func(b *cluster.BlueGreen) {
				b.Proxy.Spec.Labels[cluster.LabelAlias+"web"] = "4:green"
				b.Colors[cluster.Blue].Spec.Labels[cluster.LabelServed] = "3"
			}},
		{name: "removed by hand", opts: plan.UpOptions{NoFlip: true}, want: "nothing to do\n",
			change: func(b *cluster.BlueGreen) { delete(b.Colors, cluster.Blue) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := cmp.Or(tc.file, plantest.Shop)
			seen := twoReleases(t, file)
			plantest.CarriedOut(seen, plantest.For(t, seen, strings.Replace(file, "web:1", "web:3", 1), tc.opts))
			if tc.change != nil {
				tc.change(seen.BlueGreen["web"])
			}
			p, err := plan.ForPromote(seen, plan.FlipOptions{})
			if err != nil {
				t.Fatal(err)
			}
			plantest.Want(t, p, tc.want)
			if p.Command != plan.Promote {
				t.Errorf("the plan is of %q", p.Command)
			}
		})
	}
}

// Two services: each flip comes after what makes its color able to take traffic, and the colors
// left come after it.
func TestFlipOfTwoServices(t *testing.T) {
	two := strings.Replace(cold, "  db:", "  api:\n    image: shop/web:1\n    ports: [\"81:8080\"]\n    x-bluegreen: {keep: cold}\n  db:", 1)
	seen := plantest.Nothing()
	for _, v := range []string{"1", "2"} {
		plantest.CarriedOut(seen, plantest.For(t, seen, strings.ReplaceAll(two, "web:1", "web:"+v), plan.UpOptions{}))
	}
	p, err := plan.ForFlip(seen, plan.FlipOptions{})
	if err != nil {
		t.Fatal(err)
	}
	wantLinked(t, p, `
1 warm color shop_api-blue
1 flip shop_api < warm color shop_api-blue
1 retire color shop_api-green < flip shop_api
1 warm color shop_web-blue
1 flip shop_web < warm color shop_web-blue
1 retire color shop_web-green < flip shop_web
`)
}

func TestDown(t *testing.T) {
	seen := twoReleases(t, plantest.Shop)
	seen.Networks["other"] = seen.Networks["shop_default"]
	other := seen.Networks["other"]
	other.Name, other.Labels = "other", nil
	seen.Networks["other"] = other
	plantest.Want(t, plan.ForDown(seen), `
remove shop_web: it belongs to the stack
remove shop_db: it belongs to the stack
remove shop_web-blue: it belongs to the stack
remove shop_web-green: it belongs to the stack
await the end of shop: all of its tasks must have ended
remove network shop-bluegreen_control: it belongs to the stack
remove network shop_default: it belongs to the stack
`)
	for i, s := range plan.ForDown(seen).Steps {
		if after := i > 0 && i < 4; after != (len(s.After) == 1) {
			t.Errorf("%s comes after %v", s, s.After)
		}
	}
}
