package plugin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

type planFunc func(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error)

func somePlan(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error) {
	return plan.Plan{Stack: "shop", Notes: []string{"service web: an earlier flip did not end"},
		Waiting: []plan.Waiting{{Service: "api", Color: "blue", Release: 7},
			{Service: "web", Color: "green", Release: 3, Share: 5, Steps: true, Canary: &bluegreen.Canary{Steps: []int{5, 25, 50}, Every: 2 * time.Minute}}}, Steps: []plan.Step{
			{Do: plan.CreatePlain, Phase: plan.Deploy, Name: "shop_db", Service: "db", Cause: "it does not exist",
				Changes: []plan.Change{{Field: "image", To: "postgres:16"}, {Field: "deploy.replicas", To: "1"}}},
			{Do: plan.StartColor, Phase: plan.Deploy, After: []int{0}, Name: "shop_web-green", Service: "web", Color: cluster.Green, Release: 2,
				Cause: "release 2: image shop/web:1 → shop/web:2, environment changed", Changes: []plan.Change{
					{Field: "image", From: "shop/web:1", To: "shop/web:2"}, {Field: "environment.A", From: "a\nb", To: "c"},
					{Field: "environment.OLD", From: "x"}, {Field: "environment.TOKEN", From: "(hidden)", To: "(hidden)"}}},
			{Do: plan.Flip, Phase: plan.Deploy, After: []int{1}, Name: "shop_web", Service: "web", Color: cluster.Green, To: haproxy.Route{Color: "green"}, Cause: "image shop/web:1 → shop/web:2"},
			{Do: plan.RemoveService, Phase: plan.CleanUp, Name: "shop_old", Service: "old", Cause: "it is not in the file"},
		}}, nil
}

func noPlan(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error) {
	return plan.Plan{Command: plan.Up, Stack: "shop"}, nil
}

func failedPlan(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error) {
	return plan.Plan{}, errors.New("network edge is external and does not exist")
}

func TestDryRun(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		plan planFunc
		code int
	}{
		"plan.txt":       {nil, somePlan, cluster.ExitDone},
		"plan.json":      {[]string{"--format", "json"}, somePlan, cluster.ExitDone},
		"plan_code":      {[]string{"--detailed-exitcode"}, somePlan, exitChanges},
		"plan_none":      {[]string{"--detailed-exitcode"}, noPlan, cluster.ExitDone},
		"plan_none.json": {[]string{"--format", "json"}, noPlan, cluster.ExitDone},
		"plan_failed":    {[]string{"--detailed-exitcode"}, failedPlan, cluster.ExitError},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.load = func(context.Context, compose.Options) (*compose.Project, error) {
				return &compose.Project{Name: "shop", Warnings: []string{"service web: links: Swarm does not link"}}, nil
			}
			h.op.plan = c.plan
			h.getenv = func(name string) string { return map[string]string{"LANG": "en_US.UTF-8"}[name] }
			err := h.run(append([]string{"--progress", "quiet", "up", "--dry-run"}, c.args...)...)
			if code := exitCode(err); code != c.code {
				t.Errorf("exit code %d, want %d: %v", code, c.code, err)
			}
			golden(t, name, h.out.String())
		})
	}
}

func TestDryRunFlags(t *testing.T) {
	for _, command := range []string{"up", "flip", "promote", "rollback", "down"} {
		for _, args := range [][]string{{"--detailed-exitcode"}, {"--format", "json"}} {
			t.Run(command+" "+strings.Join(args, " "), func(t *testing.T) {
				h := newHarness()
				err := h.run(append([]string{command}, args...)...)
				if exitCode(err) != exitBadFlags || !strings.Contains(err.Error(), "docker bluegreen "+command+" --help") {
					t.Error(err)
				}
			})
		}
	}
}

// With --dry-run flip, rollback and down show their plan, and carry nothing out: the fake has
// nothing that could.
func TestDryRunOfCommands(t *testing.T) {
	for _, command := range []plan.Command{plan.FlipTo, plan.Canary, plan.Promote, plan.Rollback, plan.Down} {
		for _, tc := range []struct {
			name string
			args []string
			step bool
			code int
			want string
		}{
			{"a step", nil, true, cluster.ExitDone, "→ flip shop_web to green: release 2\n"},
			{"a step and an exit code", []string{"--detailed-exitcode"}, true, exitChanges, "→ flip shop_web to green: release 2\n"},
			{"nothing to do and an exit code", []string{"--detailed-exitcode"}, false, cluster.ExitDone, "nothing to do\n"},
			{"nothing to do as JSON", []string{"--format", "json"}, false, cluster.ExitDone, `{
  "stack": "shop",
  "changes": false,
  "warnings": [],
  "notes": [],
  "steps": [],
  "waiting": []
}
`},
		} {
			t.Run(string(command)+" with "+tc.name, func(t *testing.T) {
				h := newHarness()
				h.getenv = func(name string) string { return map[string]string{"LANG": "en_US.UTF-8"}[name] }
				h.op.planned = func(c plan.Command, o plan.FlipOptions) (plan.Plan, error) {
					if c != command || c != plan.Down && !slices.Equal(o.Services, []string{"web"}) {
						t.Errorf("planned %s of %v", c, o.Services)
					}
					p := plan.Plan{Command: c, Stack: "shop"}
					if tc.step {
						p.Steps = []plan.Step{{Do: plan.Flip, Name: "shop_web", To: haproxy.Route{Color: "green"}, Cause: "release 2"}}
					}
					return p, nil
				}
				args := append([]string{"-p", "shop", "--progress", "quiet", string(command), "--dry-run"}, tc.args...)
				if command == plan.Canary {
					args = append(args, "25")
				}
				if command != plan.Down {
					args = append(args, "web")
				}
				if err := h.run(args...); exitCode(err) != tc.code {
					t.Errorf("exit code %d, want %d: %v", exitCode(err), tc.code, err)
				}
				if h.out.String() != tc.want {
					t.Errorf("output:\n%s\nwant:\n%s", h.out.String(), tc.want)
				}
			})
		}
	}
}
