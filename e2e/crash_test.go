//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// quick is a blue-green service on a host-mode port of both workers whose tasks end soon after they
// are told to.
func quick(port int) string { return strings.ReplaceAll(quickFile, "PORT", strconv.Itoa(port)) }

const quickFile = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 100ms}
    ports: [{target: 8080, published: PORT, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
    x-bluegreen:
      proxy: {image: "` + newest + `"}
      health: {path: /, interval: 500ms}
      drain: 5s
      timeout: 5m
`

// Scenario e: Ctrl-C and kill -9 at random points of an up and of a flip leave traffic where it
// was, and the next up finishes. In memory every write of every command is such a point; here it is
// a few of them, with real processes and traffic.
func TestCrash(t *testing.T) {
	t.Parallel()
	seed := seed(t)
	t.Logf("E2E_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newStack(t, quick(8086))
	s.up("v1")
	l := s.load(8086, load.Options{Workers: 8, Rate: 100, KeepAlive: 0.5, Post: 0.3})
	up := s.up("v2")
	flip := s.must("flip")
	c := crash{stack: s, load: l, random: random, versions: map[string]string{s.active("web"): "v1", s.idle("web"): "v2"}}

	for i, v := range []string{"v3", "v4"} {
		c.interrupted(signals[i%2], up, v, "up")
	}
	c.hits = 0
	for tries := 0; c.hits < wanted && tries < 4*wanted; tries++ {
		to := s.idle("web")
		c.interrupted(signals[c.hits%2], flip, c.versions[to], "flip", "--to", to)
	}
	if c.hits < wanted {
		t.Errorf("only %d flips were interrupted before they had ended", c.hits)
	}
	s.zeroFailed(l.Stop())
}

// wanted is how many flips are to be interrupted.
const wanted = 4

// signals are what ends a command: kill -9 and Ctrl-C.
var signals = []syscall.Signal{syscall.SIGKILL, syscall.SIGINT}

func seed(t *testing.T) uint64 {
	given := os.Getenv("E2E_SEED")
	if given == "" {
		return rand.Uint64N(1e6)
	}
	n, err := strconv.ParseUint(given, 10, 64)
	if err != nil {
		t.Fatalf("E2E_SEED=%s: %v", given, err)
	}
	return n
}

// crash is a stack whose commands are ended from outside, and what its colors hold.
type crash struct {
	*stack
	load     *load.Load
	random   *rand.Rand
	versions map[string]string // by color
	hits     int               // commands that were ended before they had ended by themselves
}

// interrupted runs a command that leads to a version, ends it at a random point, and lets an up
// finish what it began. The point is a line of its output, of which whole has all, and a while
// after it: so it does not depend on the machine's speed.
func (c *crash) interrupted(sig syscall.Signal, whole result, version string, args ...string) {
	c.t.Helper()
	line, after := c.random.IntN(strings.Count(whole.out, "\n")), time.Duration(c.random.Float64()*float64(time.Second)/2)
	route, serving := c.route("web"), c.versions[c.active("web")]
	began := time.Now()
	p := c.start([]string{"V=" + version}, args...)
	p.out.await(line, p.done)
	time.Sleep(after) // the point itself
	code := p.end(sig)
	if code != 0 {
		c.hits++
	}
	c.t.Logf("%s %v %s after line %d: exit %d", sig, args, after.Round(time.Millisecond), line, code)
	early := code == -1 && p.out.String() == "" // it did not listen to signals yet, and had done nothing
	if sig == syscall.SIGINT && code != 130 && code != 0 && !early {
		c.t.Errorf("exit %d after Ctrl-C, want 130\n%s", code, p.out)
	}
	if sig == syscall.SIGINT {
		c.nothingUnderWay()
	}
	labels := c.service("web").Spec.Labels
	if labels["bluegreen.alias.web"] == route && labels["bluegreen.next"] == "" {
		if st := c.load.Since(began); st.Total > 0 { // it may all have taken a few milliseconds
			c.only(st, serving) // no flip can have been given
		}
	} else if st := c.load.Since(began); len(st.Versions) > 2 || st.Versions[serving]+st.Versions[version] != st.Total {
		c.t.Errorf("answers came from %v, want %s and %s only", st.Versions, serving, version)
	}
	c.up(version)
	c.settled(c.load, version)
	c.versions = map[string]string{c.active("web"): version, c.idle("web"): c.versionOf(c.idle("web"))}
	if c.t.Failed() {
		c.t.Fatalf("%s %v %s after line %d\n%s", sig, args, after, line, p.out)
	}
}

// settled fails the test unless a version, and only that one, has all the traffic now, and nothing
// is under way.
func (s *stack) settled(l *load.Load, version string) {
	s.t.Helper()
	since := time.Now()
	await(s.t, l, version)
	s.only(l.Since(since), version)
	s.consistent()
}

// consistent fails the test unless the proxies do what is written down, and no command has left
// anything behind.
func (s *stack) consistent() {
	s.t.Helper()
	if st, code := s.status("--live"); code != 0 {
		s.t.Errorf("status --live: exit %d, drift: %v", code, st.Drift)
	}
	s.nothingUnderWay()
}

// nothingUnderWay fails the test if there is a lock or a control job.
func (s *stack) nothingUnderWay() {
	s.t.Helper()
	for _, o := range s.objects() {
		if strings.Contains(o, "_order-") || strings.HasSuffix(o, "-lock") {
			s.t.Errorf("%s was left behind", o)
		}
	}
}

// idle is the color that the label of a blue-green service does not name.
func (s *stack) idle(service string) string {
	s.t.Helper()
	return map[string]string{"blue": "green", "green": "blue"}[s.active(service)]
}

// versionOf is the version in the image of a color of web.
func (s *stack) versionOf(color string) string {
	s.t.Helper()
	_, version, _ := strings.Cut(s.service("web-"+color).Spec.TaskTemplate.ContainerSpec.Image, ":")
	return version
}

// lock is the config that is the lock of the stack; nil when nobody holds it.
func (s *stack) lock() *swarm.Config {
	s.t.Helper()
	configs, err := s.engine.ConfigList(s.t.Context(), swarm.ConfigListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range configs {
		if c.Spec.Name == s.name+"-bluegreen-lock" {
			return &c
		}
	}
	return nil
}

// process is a run of the plugin by itself, without the docker CLI in front of it: a signal reaches
// it and nothing else.
type process struct {
	*exec.Cmd
	out  *transcript
	done chan struct{}
}

// transcript is output that can be read while it is written.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// await returns when there are so many lines, or when done is closed.
func (t *transcript) await(lines int, done <-chan struct{}) {
	for strings.Count(t.String(), "\n") < lines {
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond): // between two looks
		}
	}
}

func (s *stack) start(vars []string, args ...string) *process {
	s.t.Helper()
	cmd, _ := s.command(vars, args...)
	out := &transcript{}
	cmd.Path, cmd.Args[0] = env.plugin, env.plugin
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &process{Cmd: cmd, out: out, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // the exit code tells
	}()
	s.t.Cleanup(func() { p.end(syscall.SIGKILL) })
	return p
}

// end sends a signal, unless the process has ended, and waits for its end. It returns the exit
// code, -1 for a process that was killed.
func (p *process) end(sig syscall.Signal) int {
	select {
	case <-p.done:
	default:
		_ = p.Process.Signal(sig) // it may end in this moment
	}
	return p.wait()
}

func (p *process) wait() int {
	timer := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	defer timer.Stop()
	<-p.done
	return p.ProcessState.ExitCode()
}

func (p *process) String() string { return fmt.Sprintf("%v: exit %d\n%s", p.Args, p.wait(), p.out) }
