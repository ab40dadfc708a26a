//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const (
	proxyImage = "haproxy:newest"
	appImage   = "app:v1"
	name       = "bench"
)

// Ports of the worker that is asked. The other worker has the same: there are two proxies that must
// agree.
const (
	ourPort    = 8080
	directPort = 8081
	plainPort  = 8082
	sharedPort = 8083
)

// The plain HAProxy has the same image and the same tasks behind it as our proxy.
const file = `
services:
  web:
    image: app:v1
    environment: {APP_VERSION: "v${RELEASE:-1}"}
    ports: [{target: 8080, published: 8080, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr}
    x-bluegreen:
      proxy: {image: "haproxy:newest"}
      health: {path: /}
  shared:
    image: app:v1
    environment: {APP_VERSION: "v${RELEASE:-1}"}
    ports: [{target: 8080, published: 8083, mode: host}]
    deploy: {replicas: 2, endpoint_mode: dnsrr}
    x-bluegreen:
      proxy: {image: "haproxy:newest"}
      health: {path: /}
      canary: {by: cookie session}
      guard: {bake: 1h, errors: 5%, latency: 10s}
  direct:
    image: app:v1
    ports: [{target: 8080, published: 8081, mode: host}]
    deploy: {mode: global, endpoint_mode: dnsrr}
  plain:
    image: haproxy:newest
    configs: [{source: plain, target: /usr/local/etc/haproxy/haproxy.cfg}]
    ports: [{target: 8080, published: 8082, mode: host}]
    deploy: {mode: global, endpoint_mode: dnsrr}
configs: {plain: {file: ./haproxy.cfg}}
`

const plainConfig = `global
  maxconn 4000
resolvers docker
  nameserver docker 127.0.0.11:53
  accepted_payload_size 8192
defaults
  mode http
  timeout connect 2s
  timeout client 1m
  timeout server 1m
frontend web
  bind :8080
  default_backend app
backend app
  balance roundrobin
  option httpchk GET /
  server-template task 16 tasks.web-blue:8080 check inter 1s init-addr none resolvers docker resolve-prefer ipv4
`

// stack is what is measured.
type stack struct {
	lab    *lab.Lab
	dir    string
	config string // DOCKER_CONFIG with the plugin
	plugin string // its path
}

func newStack(ctx context.Context, dir string) (*stack, error) {
	s := &stack{dir: dir, config: filepath.Join(dir, "docker")}
	s.plugin = filepath.Join(s.config, "cli-plugins", "docker-bluegreen")
	cmd := exec.CommandContext(ctx, "make", "-s", "build", "PLUGIN="+s.plugin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	for file, content := range map[string]string{"compose.yaml": file, "haproxy.cfg": plainConfig} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// deploy brings two releases up, so that there is somewhere to flip to, and blue is active at the
// end: the plain HAProxy has blue. The second release of shared has a share, and is watched.
func (s *stack) deploy(ctx context.Context) error {
	for _, args := range [][]string{{"up"}, {"up", "--no-flip"}, {"canary", "25", "shared"}} {
		if _, err := s.bluegreen(ctx, args...); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	l := load.Start(ctx, load.Options{Targets: []string{s.target(ourPort), s.target(directPort), s.target(plainPort)}, Rate: 50, Timeout: time.Second})
	defer l.Stop()
	return l.Await(ctx, "v1")
}

// bluegreen runs docker bluegreen and returns how long it took.
func (s *stack) bluegreen(ctx context.Context, args ...string) (time.Duration, error) {
	args = append([]string{"bluegreen", "-p", name, "--progress", "plain"}, args...)
	release := "1"
	for i, arg := range args {
		switch arg {
		case "up":
			args = append(args[:i+1:i+1], append([]string{"--resolve-image", "never"}, args[i+1:]...)...)
		case "--no-flip":
			release = "2"
		}
	}
	cmd := s.docker(ctx, args...)
	cmd.Env = append(cmd.Env, "RELEASE="+release)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("docker %v: %w\n%s", args, err, out)
	}
	return time.Since(began), nil
}

func (s *stack) docker(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "DOCKER_CONTEXT=", "DOCKER_CONFIG="+s.config, "DOCKER_HOST="+s.lab.Node("n1").Host())
	return cmd
}

// servers are the nodes that serve: the manager is drained.
func (s *stack) servers() []*lab.Node { return s.lab.Nodes()[1:] }

// targets are the addresses of a port on all nodes that serve.
func (s *stack) targets(port int) (all []string) {
	for _, n := range s.servers() {
		all = append(all, fmt.Sprintf("%s:%d", n.IP(), port))
	}
	return all
}

func (s *stack) target(port int) string { return fmt.Sprintf("%s:%d", s.lab.Node("n2").IP(), port) }
