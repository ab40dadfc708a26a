package plugin

import (
	"context"
	"errors"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

type planFunc func(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error)

func somePlan(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error) {
	return plan.Plan{Stack: "shop", Notes: []string{"service web: an earlier flip did not end"}, Steps: []plan.Step{
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
	return plan.Plan{Stack: "shop"}, nil
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
		"plan.txt":       {nil, somePlan, exitDone},
		"plan.json":      {[]string{"--format", "json"}, somePlan, exitDone},
		"plan_code":      {[]string{"--detailed-exitcode"}, somePlan, exitChanges},
		"plan_none":      {[]string{"--detailed-exitcode"}, noPlan, exitDone},
		"plan_none.json": {[]string{"--format", "json"}, noPlan, exitDone},
		"plan_failed":    {[]string{"--detailed-exitcode"}, failedPlan, exitError},
	} {
		h := newHarness()
		h.load = func(context.Context, compose.Options) (*compose.Project, error) {
			return &compose.Project{Name: "shop", Warnings: []string{"service web: links: Swarm does not link"}}, nil
		}
		h.op.plan = c.plan
		h.getenv = func(name string) string { return map[string]string{"LANG": "en_US.UTF-8"}[name] }
		err := h.run(append([]string{"--progress", "quiet", "up", "--dry-run"}, c.args...)...)
		if code := exitCode(err); code != c.code {
			t.Errorf("%s: exit code %d, want %d: %v", name, code, c.code, err)
		}
		golden(t, name, h.out.String())
	}
}

func TestDryRunFlags(t *testing.T) {
	for _, args := range [][]string{{"--detailed-exitcode"}, {"--format", "json"}} {
		h := newHarness()
		if err := h.run(append([]string{"up"}, args...)...); exitCode(err) != exitBadFlags {
			t.Errorf("%v: %v", args, err)
		}
	}
}
