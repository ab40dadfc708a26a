package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// tests are the steps for the jobs that a release must pass before it gets traffic. Without proxies
// they reach its tasks only directly. The last one notes on the color what it has passed.
func (pl *planner) tests(svc compose.Service, c cluster.Color, release int, proxies bool) ([]Step, error) {
	port := uint16(0)
	if proxies && svc.BlueGreen.Preview != nil {
		port = svc.BlueGreen.Preview.Port
	}
	steps, err := pl.testSteps(RunTest, svc, svc.BlueGreen.Test, c, release, port)
	for i := range steps {
		steps[i].Cause = fmt.Sprintf("release %d must pass it before it gets traffic", release)
	}
	if n := len(steps); n > 0 {
		steps[n-1].Passed = map[string]string{cluster.LabelTested: hashOf(steps), cluster.LabelWithdrawn: ""}
	}
	return steps, err
}

// hashOf tells tests from others.
func hashOf(tests []Step) string {
	hash := sha256.New()
	for _, s := range tests {
		hash.Write(cluster.MustJSON(s.Spec))
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// hasPassed says whether the release of a color has passed these tests.
func hasPassed(color *api.Service, tests []Step) bool {
	n := len(tests)
	return n == 0 || color != nil && color.Spec.Labels[cluster.LabelTested] == tests[n-1].Passed[cluster.LabelTested]
}

// verifications are the steps for the jobs that a release must pass once it has the traffic. They
// reach it as clients do. The last one notes on the color that it has.
func (pl *planner) verifications(svc compose.Service, c cluster.Color, release int) ([]Step, error) {
	steps, err := pl.testSteps(Verify, svc, svc.BlueGreen.Verify, c, release, testTarget(svc))
	for i := range steps {
		steps[i].Cause = fmt.Sprintf("release %d must pass it, or traffic goes back", release)
	}
	if n := len(steps); n > 0 {
		steps[n-1].Passed = map[string]string{cluster.LabelUnverified: ""}
	}
	return steps, err
}

// testSteps are steps that run jobs which reach a release at this port of the proxies, or only
// directly if it is 0.
func (pl *planner) testSteps(do Action, svc compose.Service, jobs []string, c cluster.Color, release int, port uint16) ([]Step, error) {
	var steps []Step
	for _, name := range jobs {
		job := pl.chosen[slices.IndexFunc(pl.chosen, func(s compose.Service) bool { return s.Name == name })]
		spec := cluster.Clone(job.Spec)
		step := Step{Do: do, Name: spec.Name, Service: svc.Name, Color: c, Job: name, Spec: &spec, Settings: svc.BlueGreen, Image: spec.Labels[cluster.LabelImage]}
		var now *api.ServiceSpec
		if live, ok := pl.seen.Plain[name]; ok {
			if err := sameMode(job, live); err != nil {
				return nil, err
			}
			now = &live.Spec
		}
		pl.images.apply(&spec, step.Image, now)
		testSpec(&spec, svc, c, release, port)
		steps = append(steps, pl.complete(step))
	}
	return steps, nil
}

// testTarget is the port of the tasks that tests are about: that of the preview, else the first
// that speaks HTTP, else the first.
func testTarget(svc compose.Service) uint16 {
	if p := svc.BlueGreen.Preview; p != nil && p.Target != 0 {
		return p.Target
	}
	ports := svc.BlueGreen.Ports
	return ports[max(0, slices.IndexFunc(ports, func(p bluegreen.Port) bool { return p.Mode != bluegreen.ModeTCP }))].Target
}

// testSpec tells a job which release it tests and how to reach it. A job whose file does not say
// how often it is tried runs once.
func testSpec(spec *api.ServiceSpec, svc compose.Service, c cluster.Color, release int, port uint16) {
	if spec.TaskTemplate.RestartPolicy == nil {
		spec.TaskTemplate.RestartPolicy = &api.RestartPolicy{Condition: api.RestartPolicyConditionNone}
	}
	target := testTarget(svc)
	scheme := "http"
	if slices.Contains(svc.BlueGreen.Ports, bluegreen.Port{Target: target, Mode: bluegreen.ModeTCP}) {
		scheme = "tcp"
	}
	direct := fmt.Sprintf("%s://%s-%s:%d", scheme, svc.Name, c, target)
	url := direct
	if port != 0 {
		url = fmt.Sprintf("%s://%s:%d", scheme, svc.Name, port)
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
