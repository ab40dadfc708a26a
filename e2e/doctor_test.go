//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
)

const ailing = `
services:
  web:
    image: app:${V}
    environment: {APP_STOP_DELAY: 100ms}
    configs: [conf]
    ports: [{target: 8080, published: 8080, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {health: {path: /}, drain: 5s, timeout: 5m, proxy: {image: "haproxy:newest"}}
  api:
    image: app:${A:-v1}
    environment: {APP_STOP_DELAY: 0s}
    deploy: {endpoint_mode: dnsrr, restart_policy: {delay: 100ms}, update_config: {monitor: 2s}}
configs: {conf: {content: "for ${V}"}}
`

// A node is down, a killed flip has left its lock, a service that is gone has left its history, and
// Swarm has paused an update: doctor finds each, and nothing once all is repaired. It changes
// nothing, and on a worker or without an engine it says so.
func TestDoctor(t *testing.T) {
	long(t)
	t.Parallel()
	l, err := lab.Up(t.Context(), options(labName()+"doctor", 1)) // a lost node disturbs other scenarios
	must(t, err)
	t.Cleanup(func() { must(t, ended(l)) })
	s := stackOn(t, l, ailing)
	s.up("v1")
	s.up("v2")
	usual := s.found("--live")
	if len(usual) != 1 || !strings.HasPrefix(usual[0], "warning images") {
		t.Fatalf("all is well, and doctor finds\n%s", strings.Join(usual, "\n")) // there is no registry
	}

	s.exits(s.runEnv([]string{"V=v2", "A=v2-exit"}, "up"), 3)
	s.eventually("the update is paused", func() bool { return s.updateState("api") == swarm.UpdateStatePaused })
	s.killedFlip()
	_, err = s.engine.ConfigCreate(t.Context(), swarm.ConfigSpec{Data: []byte(`{"Labels":{},"TaskTemplate":{"ContainerSpec":{}}}`), Annotations: swarm.Annotations{
		Name: s.name + "-bluegreen_gone-release-7", Labels: map[string]string{"com.docker.stack.namespace": s.name + "-bluegreen", "bluegreen.stack": s.name,
			"bluegreen.role": "release", "bluegreen.service": "gone", "bluegreen.color": "blue", "bluegreen.release": "7", "bluegreen.log": "[]"}}})
	must(t, err)
	must(t, l.Node("n3").Crash())
	ctx, cancel := contextFor(t, patience)
	defer cancel()
	must(t, l.Node("n3").WaitState(ctx, "down"))
	before := s.serviceVersions()
	var found []string
	s.eventually("nobody waits for the killed flip any more", func() bool {
		found = s.found()
		return slices.ContainsFunc(found, func(f string) bool {
			return strings.HasPrefix(f, "warning leftovers "+s.name+"-bluegreen_order-") && strings.HasSuffix(f, ": the job of an order that ended long ago")
		})
	})
	for _, want := range []string{
		"error nodes n3: the node is down",
		"warning lock " + s.name + "-bluegreen-lock: `docker bluegreen flip` of ",
		"warning leftovers gone: 1 release config of a service that does not exist any more",
		"error services " + s.name + "_api: Swarm has paused its update: update paused due to failure",
	} {
		if !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, want) }) {
			t.Errorf("doctor does not find %q", want)
		}
	}
	t.Log(strings.Join(found, "\n"))
	for id, version := range before {
		if now := s.serviceVersions()[id]; now != version && !strings.Contains(id, "_order-") {
			t.Errorf("doctor wrote %s", id)
		}
	}

	must(t, l.Node("n3").Start(t.Context()))
	must(t, l.Node("n3").WaitState(ctx, "ready"))
	_, err = s.at.Docker(t.Context(), "config", "rm", s.name+"-bluegreen_gone-release-7")
	must(t, err)
	s.must("flip", "--to", s.active("web"))
	s.up("v3")
	s.eventually("nothing is found", func() bool { return slices.Equal(s.found("--live"), usual) })
	s.wrongEngine(l)
}

// killedFlip kills a flip while its order is carried out: the job and the lock are left.
func (s *stack) killedFlip() {
	s.t.Helper()
	job := func() bool {
		return slices.ContainsFunc(s.services(), func(svc swarm.Service) bool { return svc.Spec.Labels["bluegreen.role"] == "order" })
	}
	s.eventually("a killed flip has left its job", func() bool {
		p := s.start(nil, "flip")
		s.eventually("the flip gives an order, or has ended", func() bool {
			select {
			case <-p.done:
				return true
			default:
				return job()
			}
		})
		p.end(syscall.SIGKILL)
		return s.lock() != nil && job()
	})
}

// found are the findings of doctor that are not ok. It must exit as they say.
func (s *stack) found(args ...string) []string {
	s.t.Helper()
	cmd, stderr := s.command(nil, append([]string{"doctor", "--format", "json"}, args...)...)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	_ = cmd.Run() // the exit code tells
	var r doctor.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		s.t.Fatalf("doctor: %v\n%s%s", err, stdout.String(), stderr.String())
	}
	var out []string
	for _, f := range r.Findings {
		if f.Level != doctor.OK {
			out = append(out, fmt.Sprintf("%s %s %s: %s", f.Level, f.Check, f.Subject, f.Cause))
		}
	}
	want := 0
	if r.Errors > 0 {
		want = 1
	}
	if r.Drifted() {
		want = 4
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		s.t.Errorf("doctor: exit %d, want %d\n%s", got, want, strings.Join(out, "\n"))
	}
	return out
}

// wrongEngine asks a worker, and nobody.
func (s *stack) wrongEngine(l *lab.Lab) {
	s.t.Helper()
	manager := s.at
	defer func() { s.at = manager }()
	s.at = l.Node("n2")
	s.says(s.exits(s.run("doctor"), 1), "the engine is a worker of the swarm, and only managers take commands", "managers listen on "+manager.IP())
	must(s.t, l.Node("n2").Stop())
	s.says(s.exits(s.run("doctor"), 1), "the engine does not answer: Cannot connect to the Docker daemon")
	must(s.t, l.Node("n2").Start(s.t.Context()))
}
