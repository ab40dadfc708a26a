//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// planned has something of everything that a plan can be about.
const planned = `
services:
  web:
    image: app:${V:-v1}
    expose: [8080]
    environment: {APP_STOP_DELAY: 0s, API_TOKEN: "${SECRET:-hunter2}"}
    configs: [conf]
    deploy: {endpoint_mode: dnsrr}
    x-bluegreen: {health: {path: /, interval: 500ms}, drain: 5s, proxy: {image: "HAPROXY", deploy: {replicas: 1}}}
  worker:
    image: app:v1
    environment: {APP_STOP_DELAY: 0s}
    secrets: [password]
    depends_on: [web]
    deploy: {endpoint_mode: dnsrr}
configs: {conf: {content: "greeting ${V:-v1}"}}
secrets: {password: {environment: PASSWORD}}
`

// plan is what up --dry-run --format json prints.
type plan struct {
	Changes bool
	Steps   []struct {
		Action, Name, Service, Cause string
		Changes                      []struct{ Field, From, To string }
	}
}

// A dry run tells what an up then does, and changes nothing: not even the index of an object.
func TestDryRun(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, strings.ReplaceAll(planned, "HAPROXY", newest))
	vars := func(version, secret string) []string {
		return []string{"V=" + version, "SECRET=" + secret, "PASSWORD=hunter1"}
	}
	first := s.dryRun(vars("v1", "hunter2"), 2, "up")
	if left := s.objects(); len(left) > 0 {
		t.Errorf("the dry run made %v", left)
	}
	s.mustEnv(vars("v1", "hunter2"), "up")
	for _, step := range first.Steps {
		if strings.HasPrefix(step.Action, "create ") && !s.holds(step.Name) {
			t.Errorf("%s %s was planned, and does not exist", step.Action, step.Name)
		}
	}
	s.dryRun(vars("v1", "hunter2"), 0, "up")

	before := s.serviceVersions()
	second := s.dryRun(vars("v2", "hunter3"), 2, "up")
	if now := s.serviceVersions(); !reflect.DeepEqual(now, before) {
		t.Errorf("the dry run wrote: %v, before %v", now, before)
	}
	changes := map[string]string{}
	for _, step := range second.Steps {
		for _, c := range step.Changes {
			changes[step.Action+" "+c.Field] = c.From + " → " + c.To
		}
	}
	for field, want := range map[string]string{
		"start color image": "app:v1 → app:v2", "start color environment.API_TOKEN": "(hidden) → (hidden)",
	} {
		if changes[field] != want {
			t.Errorf("%s: %q, want %q in %v", field, changes[field], want, changes)
		}
	}
	out := s.mustEnv(vars("v2", "hunter3"), "up").out
	for _, want := range []string{"web color green: starting release 2", "web flip: green is active"} {
		if !strings.Contains(out, want) {
			t.Errorf("the up does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "worker service: updated") {
		t.Errorf("the up changed the worker, which the plan %v does not", second.Steps)
	}
	s.dryRun(vars("v2", "hunter3"), 0, "up")
	s.exits(s.runEnv(vars("v2", "hunter3"), "up", "--dry-run"), 0)

	// The other commands show their plan by the same flag, and then carry out that.
	for _, c := range []struct{ command, want string }{{"flip", "flip NAME_web: release 1"}, {"rollback", "flip NAME_web: release 2"}} {
		before := s.serviceVersions()
		if got, want := s.dryRun(nil, 2, c.command).text(), strings.ReplaceAll(c.want, "NAME", s.name); got != want {
			t.Errorf("%s --dry-run: %q, want %q", c.command, got, want)
		}
		if now := s.serviceVersions(); !reflect.DeepEqual(now, before) {
			t.Errorf("%s --dry-run wrote: %v, before %v", c.command, now, before)
		}
		s.must(c.command)
	}
	s.dryRun(nil, 0, "flip", "--to", "green")
	held := s.objects()
	removed := s.dryRun(nil, 2, "down").text()
	for _, o := range held {
		if _, name, _ := strings.Cut(o, " "); !strings.Contains(removed, name+":") {
			t.Errorf("down --dry-run does not name %s:\n%s", o, removed)
		}
	}
	if now := s.objects(); !slices.Equal(now, held) {
		t.Errorf("down --dry-run removed something: %v are left of %v", now, held)
	}
}

// text has the steps of a plan, one a line.
func (p plan) text() string {
	var lines []string
	for _, step := range p.Steps {
		lines = append(lines, step.Action+" "+step.Name+": "+step.Cause)
	}
	return strings.Join(lines, "\n")
}

// dryRun runs a command with --dry-run and fails the test unless it has the exit code, or if it
// shows something secret.
func (s *stack) dryRun(vars []string, code int, command ...string) (p plan) {
	s.t.Helper()
	cmd, _ := s.command(vars, append(command, "--dry-run", "--detailed-exitcode", "--format", "json")...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("exit %d, want %d\n%s%s", got, code, stdout.String(), stderr.String())
	}
	if text := stdout.String() + stderr.String(); strings.Contains(text, "hunter") {
		s.t.Errorf("the dry run shows a secret:\n%s", text)
	}
	if err := json.Unmarshal(stdout.Bytes(), &p); err != nil {
		s.t.Fatalf("%v\n%s", err, stdout.String())
	}
	if p.Changes != (code == 2) || p.Changes != (len(p.Steps) > 0) {
		s.t.Errorf("exit %d with the plan %+v", code, p)
	}
	return p
}

// holds says whether the swarm holds an object of the stack with that name.
func (s *stack) holds(name string) bool {
	for _, o := range s.objects() {
		if _, n, _ := strings.Cut(o, " "); n == name {
			return true
		}
	}
	return false
}
