//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// docker stack deploy of the same file over the stack, as by an old CI job, fails and touches no
// traffic, also with --prune.
func TestStackDeployOverIt(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, "version: \"3.9\"\n"+quick(8890))
	s.up("v1")
	s.up("v2")
	l := s.load(8890, load.Options{Workers: 8, Rate: 300, KeepAlive: 0.5, Post: 0.3})
	route, proxies, tasks := s.route("web"), s.taskIDs("web"), s.taskIDs("web-"+s.active("web"))
	for _, args := range [][]string{nil, {"--prune"}} {
		began := time.Now()
		if r := s.stackDeploy(args...); r.code == 0 {
			t.Errorf("docker stack deploy %v went through\n%s", args, r.out)
		}
		await(t, l, "v2")
		s.only(l.Since(began), "v2")
	}
	if now := s.route("web"); now != route {
		t.Errorf("the route is %s, it was %s", now, route)
	}
	s.same("web", proxies)
	s.same("web-"+s.active("web"), tasks)
	s.must("flip")
	s.settled(l, "v1")
	s.zeroFailed(l.Stop())
}

// stackDeploy runs docker stack deploy with the stack's file.
func (s *stack) stackDeploy(args ...string) result {
	s.t.Helper()
	return s.stackDeployEnv(nil, append([]string{"-c", "compose.yaml"}, args...)...)
}

func (s *stack) stackDeployEnv(vars []string, args ...string) result {
	s.t.Helper()
	ctx, cancel := contextFor(s.t, patience)
	defer cancel()
	args = append(append([]string{"stack", "deploy", "--resolve-image", "never"}, args...), s.name)
	cmd := exec.CommandContext(ctx, "docker", args...)
	plugin, _ := s.command(vars, "up")
	cmd.Dir, cmd.Env = plugin.Dir, plugin.Env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	s.t.Logf("docker %s: exit %d", strings.Join(args, " "), cmd.ProcessState.ExitCode())
	return result{code: cmd.ProcessState.ExitCode(), out: string(out)}
}

// docker runs the docker command line against the manager and fails the test unless it exits with
// 0.
func (s *stack) docker(args ...string) string {
	s.t.Helper()
	return s.dockerOn("n1", args...)
}

func (s *stack) dockerOn(node string, args ...string) string {
	s.t.Helper()
	out, err := env.lab.Node(node).Docker(context.Background(), args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// rolledBack is a plain service that Swarm itself brings back, as people have it who care.
const rolledBack = `
version: "3.9"
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 100ms}
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
      restart_policy: {delay: 1s}
      update_config: {failure_action: rollback, monitor: 10s}
`

// Why the exit code of a deploy matters: docker stack deploy ends with 0 after Swarm has rolled its
// release back, also if it is told to wait; up of the same release ends with 3.
func TestStackDeployHidesARollback(t *testing.T) {
	t.Parallel()
	if help := exec.Command("docker", "stack", "deploy", "--help"); !strings.Contains(output(t, help), "--detach") {
		t.Skip("this docker command never waits: --detach came with 26.0")
	}
	s := newStack(t, rolledBack)
	s.exits(s.stackDeploy("--detach=false"), 0)
	t.Cleanup(func() { s.docker("stack", "rm", s.name) })
	r := s.exits(s.stackDeployEnv([]string{"V=v2-exit"}, "-c", "compose.yaml", "--detach=false"), 0)
	t.Log(r.out) // docs/evidence.md quotes it
	web := s.service("web")
	if web.UpdateStatus == nil || web.UpdateStatus.State != swarm.UpdateStateRollbackCompleted {
		t.Errorf("the update is %+v, want one that was rolled back", web.UpdateStatus)
	}
	if got := web.Spec.TaskTemplate.ContainerSpec.Image; got != "app:v1" {
		t.Errorf("%s runs, want app:v1", got)
	}

	blueGreen := s.beside("bg", strings.Replace(rolledBack, "    deploy:", "    x-bluegreen: {proxy: {image: \""+newest+"\"}, ports: [{target: 8080}], timeout: 1m}\n    deploy:", 1))
	blueGreen.up("v1")
	blueGreen.exits(blueGreen.runEnv([]string{"V=v2-exit"}, "up"), 3)
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}
