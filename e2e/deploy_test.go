//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

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
