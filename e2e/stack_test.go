//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// patience is how long anything may take that is not measured, and longest a command on a swarm
// that is made slow.
const (
	patience = 6 * time.Minute
	longest  = 15 * time.Minute
)

// stack is one stack of one scenario. It is removed when the test ends, and the test fails if
// anything is left.
type stack struct {
	t      *testing.T
	name   string
	dir    string
	most   time.Duration // how long a command may take
	vars   []string      // of the environment of all runs, as V=v2
	lab    *lab.Lab
	at     *lab.Node      // the manager whose engine the commands talk to
	engine *client.Client // of that manager
	caller int            // port on n2 of the service caller, which counts its calls
}

// newStack writes the compose file of a stack that is named after the test.
func newStack(t *testing.T, file string) *stack {
	t.Helper()
	return stackOn(t, env.lab, file)
}

// stackOn is newStack on another swarm than that of all scenarios.
func stackOn(t *testing.T, l *lab.Lab, file string) *stack {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("Test", "", "/", "-", "_", "-", ":", "-", ".", "-").Replace(t.Name()))
	if len(name) > 24 {
		name = strings.Trim(name[len(name)-24:], "-")
	}
	return namedStack(t, l, name, file)
}

// beside is a second stack of the same scenario.
func (s *stack) beside(suffix, file string) *stack {
	s.t.Helper()
	return namedStack(s.t, s.lab, s.name+"-"+suffix, file)
}

func namedStack(t *testing.T, l *lab.Lab, name, file string) *stack {
	t.Helper()
	s := &stack{t: t, name: name, dir: t.TempDir(), lab: l, caller: 8690, most: patience}
	s.from("n1")
	s.write(file)
	t.Cleanup(s.end)
	return s
}

// from lets commands talk to a manager from now on.
func (s *stack) from(manager string) {
	s.t.Helper()
	if s.engine != nil {
		s.engine.Close()
	}
	s.at = s.lab.Node(manager)
	var err error
	if s.engine, err = s.at.Client(); err != nil {
		s.t.Fatal(err)
	}
}

// write replaces the compose file.
func (s *stack) write(file string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "compose.yaml"), []byte(file), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) end() {
	defer func() { s.engine.Close() }()
	if s.t.Failed() {
		s.t.Log(s.artifacts())
	}
	if r := s.run("down"); r.code != 0 && len(s.objects()) > 0 {
		s.t.Errorf("down: exit %d\n%s", r.code, r.out)
	}
	if left := s.objects(); len(left) > 0 {
		s.t.Errorf("down left %v", left)
	}
}

// artifacts tells what the swarm holds, for a failure's log.
func (s *stack) artifacts() string {
	var b strings.Builder
	for _, args := range [][]string{{"node", "ls"}, {"service", "ls"}} {
		out, err := s.at.Docker(context.Background(), args...)
		fmt.Fprintf(&b, "$ docker %s\n%s %v\n", strings.Join(args, " "), out, err)
	}
	for _, svc := range s.services() {
		out, _ := s.at.Docker(context.Background(), "service", "ps", "--no-trunc", "--format",
			"{{.Name}} {{.Image}} {{.Node}} {{.DesiredState}} {{.CurrentState}} {{.Error}}", svc.Spec.Name)
		logs, _ := s.at.Docker(context.Background(), "service", "logs", "--tail", "20", svc.Spec.Name)
		fmt.Fprintf(&b, "%s %v\n%s\n%s\n", svc.Spec.Name, svc.Spec.Labels, out, logs)
	}
	r := s.run("status", "--live")
	return b.String() + r.out
}

// result is what came of one run of the plugin.
type result struct {
	code  int
	out   string // stdout and stderr
	began time.Time
	ended time.Time
}

// run runs `docker bluegreen` with arguments in the stack's folder.
func (s *stack) run(args ...string) result {
	s.t.Helper()
	return s.runEnv(nil, args...)
}

func (s *stack) runEnv(vars []string, args ...string) result {
	s.t.Helper()
	cmd, out := s.command(vars, args...)
	return s.finish(cmd, out, args...)
}

// finish runs a command that was prepared, for as long as one may take.
func (s *stack) finish(cmd *exec.Cmd, out *bytes.Buffer, args ...string) result {
	s.t.Helper()
	r := result{began: time.Now()}
	timer := time.AfterFunc(s.most, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	r.ended, r.out = time.Now(), out.String()
	r.code = cmd.ProcessState.ExitCode()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatalf("run %v: %v", args, err)
	}
	s.t.Logf("docker bluegreen %s: exit %d in %.1fs", strings.Join(args, " "), r.code, r.ended.Sub(r.began).Seconds())
	if r.code != 0 {
		s.t.Log(r.out)
	}
	return r
}

// command prepares a run of the plugin. vars are variables of the environment, as V=v2.
func (s *stack) command(vars []string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	args = append([]string{"bluegreen", args[0], "--project-name", s.name, "--progress", "plain"}, args[1:]...)
	if args[1] == "up" {
		args = append(args, "--resolve-image", "never") // there is no registry
	}
	cmd := exec.Command("docker", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+env.config, "DOCKER_HOST="+s.at.Host(), "COMPOSE_PROJECT_NAME=")
	cmd.Env = slices.Concat(cmd.Env, s.vars, vars)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// must runs the plugin and fails the test unless it exits with 0.
func (s *stack) must(args ...string) result {
	s.t.Helper()
	return s.mustEnv(nil, args...)
}

func (s *stack) mustEnv(vars []string, args ...string) result {
	s.t.Helper()
	r := s.runEnv(vars, args...)
	if r.code != 0 {
		s.t.Fatalf("docker bluegreen %s: exit %d\n%s", strings.Join(args, " "), r.code, r.out)
	}
	return r
}

// up runs `up` with a version of the app: files of scenarios say ${V}.
func (s *stack) up(version string, args ...string) result {
	s.t.Helper()
	return s.mustEnv([]string{"V=" + version}, append([]string{"up"}, args...)...)
}

// exits fails the test unless a run had the exit code.
func (s *stack) exits(r result, code int) result {
	s.t.Helper()
	if r.code != code {
		s.t.Fatalf("exit %d, want %d\n%s", r.code, code, r.out)
	}
	return r
}

// says fails the test unless the output of a run holds all the words: what a person needs to know.
func (s *stack) says(r result, words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(r.out, w) {
			s.t.Errorf("the output does not say %q:\n%s", w, r.out)
		}
	}
}

// services are all services of the swarm that belong to the stack.
func (s *stack) services() []swarm.Service {
	s.t.Helper()
	all, err := s.engine.ServiceList(context.Background(), swarm.ServiceListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(svc swarm.Service) bool { return !s.mine(svc.Spec.Labels) })
}

func (s *stack) mine(labels map[string]string) bool {
	ns := labels["com.docker.stack.namespace"]
	return ns == s.name || ns == s.name+"-bluegreen"
}

// service returns a service by its name below the stack's; it must exist.
func (s *stack) service(name string) swarm.Service {
	s.t.Helper()
	svc, _, err := s.engine.ServiceInspectWithRaw(s.t.Context(), s.name+"_"+name, swarm.ServiceInspectOptions{})
	if err != nil {
		s.t.Fatalf("service %s: %v", name, err)
	}
	return svc
}

// tasks lists the tasks of a service that are wanted and run.
func (s *stack) tasks(name string) []swarm.Task {
	s.t.Helper()
	all, err := s.engine.TaskList(context.Background(), swarm.TaskListOptions{
		Filters: filters.NewArgs(filters.Arg("service", s.name+"_"+name), filters.Arg("desired-state", "running"))})
	if err != nil {
		s.t.Fatalf("tasks of %s: %v", name, err)
	}
	return slices.DeleteFunc(all, func(t swarm.Task) bool { return t.Status.State != swarm.TaskStateRunning })
}

// taskIDs are the ids of the running tasks of a service, sorted.
func (s *stack) taskIDs(name string) []string {
	s.t.Helper()
	var ids []string
	for _, t := range s.tasks(name) {
		ids = append(ids, t.ID)
	}
	slices.Sort(ids)
	return ids
}

// same fails the test unless the tasks of a service are those from before: nothing was restarted.
func (s *stack) same(service string, before []string) {
	s.t.Helper()
	if now := s.taskIDs(service); !slices.Equal(now, before) {
		s.t.Errorf("tasks of %s were replaced: %v, before %v", service, now, before)
	}
}

// route is the route label of a blue-green service, as "7:green".
func (s *stack) route(service string) string {
	s.t.Helper()
	return s.service(service).Spec.Labels["bluegreen.alias."+service]
}

// active is the color that the label of a blue-green service names.
func (s *stack) active(service string) string {
	s.t.Helper()
	_, color, _ := strings.Cut(s.route(service), ":")
	return color
}

// status is the decoded `status --format json`.
func (s *stack) status(args ...string) (st status, code int) {
	s.t.Helper()
	cmd, _ := s.command(nil, append([]string{"status", "--format", "json"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	if err := json.Unmarshal(stdout.Bytes(), &st); err != nil {
		s.t.Fatalf("status: %v\n%s%s", err, stdout.String(), stderr.String())
	}
	return st, cmd.ProcessState.ExitCode()
}

// objects names all that the swarm holds of the stack.
func (s *stack) objects() []string {
	s.t.Helper()
	ctx := context.Background()
	var names []string
	for _, svc := range s.services() {
		names = append(names, "service "+svc.Spec.Name)
	}
	for kind, list := range map[string]func() (map[string]map[string]string, error){
		"network": s.networkLabels, "config": func() (map[string]map[string]string, error) { return s.configLabels(ctx) },
		"secret": func() (map[string]map[string]string, error) { return s.secretLabels(ctx) },
	} {
		labels, err := list()
		if err != nil {
			s.t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(labels)) {
			if s.mine(labels[name]) {
				names = append(names, kind+" "+name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// eventually waits until a condition holds, and fails the test after patience.
func (s *stack) eventually(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			s.t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(50 * time.Millisecond) // between two looks
	}
}

// load starts a load on a port of the workers. It is stopped when the test ends, if not before.
func (s *stack) load(port int, o load.Options) *load.Load {
	s.t.Helper()
	if len(o.Targets) == 0 {
		for _, n := range s.lab.Nodes() {
			if !n.Manager {
				o.Targets = append(o.Targets, s.target(n.Name, port))
			}
		}
	}
	l := load.Start(context.Background(), o)
	s.t.Cleanup(func() { l.Stop() })
	return l
}

// target is the address of a host-mode port of a node.
func (s *stack) target(node string, port int) string { return address(s.lab, node, port) }

// target is the address of a host-mode port of a node of the swarm of all scenarios.
func target(node string, port int) string { return address(env.lab, node, port) }

func address(l *lab.Lab, node string, port int) string {
	return fmt.Sprintf("%s:%d", l.Node(node).IP(), port)
}

// zeroFailed fails the test if any request failed, or if there were none.
func (s *stack) zeroFailed(st load.Stats) {
	s.t.Helper()
	if st.Total == 0 {
		s.t.Error("no request was made")
	}
	if st.Failed > 0 {
		s.t.Errorf("%s", st)
	}
}

// only fails the test unless all requests begun since a time were answered by one version.
func (s *stack) only(st load.Stats, version string) {
	s.t.Helper()
	if len(st.Versions) != 1 || st.Versions[version] == 0 {
		s.t.Errorf("answers came from %v, want only %s\n%s", st.Versions, version, st)
	}
}
