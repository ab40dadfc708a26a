package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// tested is a stack whose web must pass two jobs.
const tested = `
services:
  web:
    image: shop/web:1
    expose: [8080]
    x-bluegreen: {test: [smoke, e2e]}
  smoke: {image: shop/smoke:1, environment: {BLUEGREEN_COLOR: red, DEPTH: "1"}, deploy: {mode: replicated-job}}
  e2e: {image: shop/e2e:1, deploy: {mode: replicated-job, restart_policy: {condition: on-failure, max_attempts: 2}}}
`

// Tests run when a release is ready and before it gets traffic, and not for anything else.
func TestTests(t *testing.T) {
	const first = `create network shop_default: it does not exist
create network shop-bluegreen_control: the proxies have no control network
start color shop_web-blue: release 1: first release
check ports of shop_web-blue: 8080 must speak http before proxies take traffic there
run test shop_smoke: release 1 must pass it before it gets traffic
run test shop_e2e: release 1 must pass it before it gets traffic
create proxies shop_web: there are none
`
	const second = `start color shop_web-green: release 2: image shop/web:1 → shop/web:2
run test shop_smoke: release 2 must pass it before it gets traffic
run test shop_e2e: release 2 must pass it before it gets traffic
`
	const flip = `flip shop_web to green: image shop/web:1 → shop/web:2
retire color shop_web-blue: it is idle after the flip, keep: warm
`
	two := strings.Replace(tested, "web:1", "web:2", 1)
	for _, c := range []struct {
		name  string
		files []string
		opts  plan.UpOptions
		want  string // of the last up
	}{
		{"the first release", []string{tested}, plan.UpOptions{}, first},
		{"again", []string{tested, tested}, plan.UpOptions{}, "nothing to do\n"},
		{"another test", []string{tested, strings.Replace(tested, "smoke:1", "smoke:2", 1)}, plan.UpOptions{}, "nothing to do\n"},
		{"a new release", []string{tested, two}, plan.UpOptions{}, second + flip},
		{"a new release by name", []string{tested, two}, plan.UpOptions{Services: []string{"web"}}, second + flip},
		{"a new release of another service", []string{tested, tested + "  db: {image: db}\n"}, plan.UpOptions{}, "create service shop_db: it does not exist\nawait shop_db\n"},
		{"a release that is to wait", []string{tested, two}, plan.UpOptions{NoFlip: true}, second +
			"mark color shop_web-green: release 2 has passed its tests and waits for a promote: image shop/web:1 → shop/web:2\n"},
		{"a release that waits", []string{tested, two, two}, plan.UpOptions{NoFlip: true}, "nothing to do\n"},
		{"the release of before", []string{tested, two, tested}, plan.UpOptions{}, `run test shop_smoke: release 1 must pass it before it gets traffic
run test shop_e2e: release 1 must pass it before it gets traffic
flip shop_web to blue: image shop/web:2 → shop/web:1
retire color shop_web-green: it is idle after the flip, keep: warm
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			seen := plantest.Nothing()
			for i, file := range c.files {
				opts := plan.UpOptions{NoFlip: c.opts.NoFlip && i > 0}
				if i == len(c.files)-1 {
					opts = c.opts
				}
				todo := plantest.For(t, seen, file, opts)
				if i == len(c.files)-1 {
					plantest.Want(t, todo, c.want)
				}
				plantest.CarriedOut(seen, todo)
			}
		})
	}
	verified := strings.Replace(tested, "{test: [smoke, e2e]}", "{test: [smoke], verify: [smoke, e2e]}", 1)
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, verified, plan.UpOptions{})) // there is no way back from the first release
	todo := plantest.For(t, seen, strings.Replace(verified, "web:1", "web:2", 1), plan.UpOptions{})
	plantest.Want(t, todo, `start color shop_web-green: release 2: image shop/web:1 → shop/web:2
run test shop_smoke: release 2 must pass it before it gets traffic
flip shop_web to green: image shop/web:1 → shop/web:2
verify with shop_smoke: release 2 must pass it, or traffic goes back
verify with shop_e2e: release 2 must pass it, or traffic goes back
retire color shop_web-blue: it is idle after the flip, keep: warm
`)
	for i, s := range todo.Steps {
		if url := "BLUEGREEN_URL=http://web:8080"; s.Do == plan.Verify && !slices.Contains(s.Spec.TaskTemplate.ContainerSpec.Env, url) {
			t.Errorf("%s has no %s", s.Name, url)
		}
		if i > 0 && !slices.Equal(s.After, []int{i - 1}) {
			t.Errorf("%s comes after %v", s, s.After)
		}
	}
	_, err := plan.ForUp(plantest.LoadShop(t, tested), plantest.Nothing(), &plan.Images{}, plan.UpOptions{Services: []string{"smoke"}})
	if want := "service smoke is a test of web and runs when web gets a new release: name web"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A test is told what it tests, and how to reach it: through the proxies where there are any. It
// runs once unless the file says more. Until it has passed, no promote finds the release.
func TestSpecOfATest(t *testing.T) {
	seen := plantest.Nothing()
	for _, c := range []struct{ file, url, color, release string }{
		{tested, "http://web-blue:8080", "blue", "1"},
		{strings.Replace(tested, "web:1", "web:2", 1), "http://web:9897", "green", "2"},
		{strings.NewReplacer("web:1", "web:3", "{test", "{preview: {port: 9080}, ports: [{target: 8080, mode: tcp}], test").Replace(tested), "tcp://web:9080", "blue", "3"},
	} {
		todo := plantest.For(t, seen, c.file, plan.UpOptions{NoFlip: true})
		direct := c.url[:strings.Index(c.url, ":")] + "://web-" + c.color + ":8080"
		env := []string{"BLUEGREEN_COLOR=" + c.color, "BLUEGREEN_RELEASE=" + c.release, "BLUEGREEN_URL=" + c.url, "BLUEGREEN_DIRECT_URL=" + direct}
		wants := map[string][]string{"shop_smoke": append([]string{"DEPTH=1"}, env...), "shop_e2e": env}
		attempts := map[string]string{"shop_smoke": "none", "shop_e2e": "on-failure"}
		for _, s := range todo.Steps {
			switch s.Do {
			case plan.StartColor:
				if s.Spec.Labels["bluegreen.waiting"] != "" {
					t.Errorf("release %s waits before it has passed", c.release)
				}
			case plan.RunTest:
				if got := s.Spec.TaskTemplate.ContainerSpec.Env; !slices.Equal(got, wants[s.Name]) {
					t.Errorf("%s has %q, want %q", s.Name, got, wants[s.Name])
				}
				if got := string(s.Spec.TaskTemplate.RestartPolicy.Condition); got != attempts[s.Name] {
					t.Errorf("%s restarts on %q, want %s", s.Name, got, attempts[s.Name])
				}
				delete(wants, s.Name)
			}
		}
		if len(wants) > 0 {
			t.Errorf("these do not run: %v", wants)
		}
		plantest.CarriedOut(seen, plantest.For(t, seen, c.file, plan.UpOptions{}))
	}
}
