package plan

import (
	"fmt"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// tests plans the jobs that a release must pass before it gets traffic. Without proxies they reach
// its tasks only directly.
func (pl *planner) tests(svc compose.Service, c cluster.Color, release int, proxies bool) error {
	for _, name := range svc.BlueGreen.Test {
		job := pl.chosen[slices.IndexFunc(pl.chosen, func(s compose.Service) bool { return s.Name == name })]
		spec := cluster.Clone(job.Spec)
		step := Step{Do: RunTest, Name: spec.Name, Service: svc.Name, Color: c, Job: name, Spec: &spec, Settings: svc.BlueGreen,
			Image: spec.Labels[cluster.LabelImage], Cause: fmt.Sprintf("release %d must pass it before it gets traffic", release)}
		var now *api.ServiceSpec
		if live, ok := pl.seen.Plain[name]; ok {
			if err := sameMode(job, live); err != nil {
				return err
			}
			now = &live.Spec
		}
		pl.images.apply(&spec, step.Image, now)
		testSpec(&spec, svc, c, release, proxies)
		pl.add(step)
	}
	return nil
}

// testSpec tells a job which release it tests and how to reach it. A job whose file does not say
// how often it is tried runs once.
func testSpec(spec *api.ServiceSpec, svc compose.Service, c cluster.Color, release int, proxies bool) {
	if spec.TaskTemplate.RestartPolicy == nil {
		spec.TaskTemplate.RestartPolicy = &api.RestartPolicy{Condition: api.RestartPolicyConditionNone}
	}
	preview := svc.BlueGreen.Preview
	scheme := "http"
	for _, port := range svc.BlueGreen.Ports {
		if port.Target == preview.Target && port.Mode == bluegreen.ModeTCP {
			scheme = "tcp"
		}
	}
	direct := fmt.Sprintf("%s://%s-%s:%d", scheme, svc.Name, c, preview.Target)
	url := direct
	if proxies {
		url = fmt.Sprintf("%s://%s:%d", scheme, svc.Name, preview.Port)
	}
	container := spec.TaskTemplate.ContainerSpec
	for _, v := range [][2]string{
		{"BLUEGREEN_COLOR", string(c)},
		{"BLUEGREEN_RELEASE", fmt.Sprint(release)},
		{"BLUEGREEN_URL", url},
		{"BLUEGREEN_DIRECT_URL", direct},
	} {
		container.Env = slices.DeleteFunc(container.Env, func(e string) bool { return strings.HasPrefix(e, v[0]+"=") || e == v[0] })
		container.Env = append(container.Env, v[0]+"="+v[1])
	}
}
