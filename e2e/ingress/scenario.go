//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// Where the scenario runs.
const (
	shareDir = "/share"
	stackDir = "/run/stack"
	address  = "10.99.0.2"
	oldProxy = "haproxy:2.6"
	newProxy = "haproxy:newest"
)

// patience is how long anything may take that is waited for.
const patience = 3 * time.Minute

// file is a stack as most people have it: a port of the ingress mesh, a service that calls web by
// its virtual address, and Traefik in front, which asks the swarm every 15 seconds; the app ends
// sooner than that.
const file = `
services:
  web:
    image: app:${V:-v1}
    ports: ["8080:8080"]
    environment: {APP_STOP_DELAY: 3s}
    healthcheck: {interval: 5s, timeout: 30s}
    deploy:
      replicas: 1
      update_config: {order: start-first}
      labels:
        traefik.enable: "true"
        traefik.docker.network: shop_default # else it takes the network of the mesh at random, on which it does not reach tasks
        traefik.http.routers.web.rule: PathPrefix(` + "`/`" + `)
        traefik.http.services.web.loadbalancer.server.port: "8080"
    BLUEGREEN
  edge:
    image: router:traefik
    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]
    ports: ["8100:80"]
  caller:
    image: app:v1
    environment: {APP_CALL: "http://web:8080/", APP_CALL_EVERY: 300ms}
    healthcheck: {interval: 10s, timeout: 30s}
    ports: ["8090:8080"]
`

const blueGreen = `x-bluegreen: {health: {path: /, interval: 2s, timeout: 5s}, drain: 10s, timeout: 5m, proxy: {image: "PROXY"}}`

// run is one run of the scenario.
type run struct {
	ctx    context.Context
	load   *load.Load
	router *load.Load // through Traefik
}

// scenario is what happens in the virtual machine.
func scenario(ctx context.Context) error {
	r := &run{ctx: ctx}
	if err := r.prepare(); err != nil {
		return err
	}
	before, err := r.plain()
	if err != nil {
		return err
	}
	for _, step := range []func() error{r.adopted, r.flips, r.newVersion, r.otherProxies, r.givenBack, r.zeroFailed} {
		if err := step(); err != nil {
			return errors.Join(err, r.artifacts())
		}
	}
	after, err := r.service()
	if err != nil {
		return err
	}
	return same(before, after)
}

func (r *run) prepare() error {
	if err := os.MkdirAll(stackDir, 0o755); err != nil {
		return err
	}
	images, err := filepath.Glob(filepath.Join(shareDir, "images", "*"))
	if err != nil {
		return err
	}
	if _, err := r.docker("swarm", "init", "--advertise-addr", address); err != nil {
		return err
	}
	for _, file := range images {
		if _, err := r.docker("load", "-i", file); err != nil {
			return err
		}
	}
	return nil
}

// plain deploys the stack as it is, and starts the load on it.
func (r *run) plain() (swarm.Service, error) {
	if err := r.write(""); err != nil {
		return swarm.Service{}, err
	}
	if _, err := r.docker("stack", "deploy", "--detach=true", "--resolve-image", "never", "-c", "compose.yaml", "shop"); err != nil {
		return swarm.Service{}, err
	}
	if err := r.until("the caller gets answers", func() bool { st, err := r.calls(false); return err == nil && st.OK > 0 }); err != nil {
		return swarm.Service{}, err
	}
	for _, port := range []string{":8080", ":8100"} {
		warm := load.Start(r.ctx, load.Options{Targets: []string{address + port}, Workers: 1, Rate: 5})
		err := r.awaitVersion(warm, "v1")
		warm.Stop()
		if err != nil {
			return swarm.Service{}, err
		}
	}
	if _, err := r.calls(true); err != nil {
		return swarm.Service{}, err
	}
	r.load = load.Start(r.ctx, load.Options{Targets: []string{address + ":8080"}, Workers: 2, Rate: 8, KeepAlive: 0.5, Post: 0.3})
	r.router = load.Start(r.ctx, load.Options{Targets: []string{address + ":8100"}, Workers: 2, Rate: 4, KeepAlive: 0.5, Post: 0.3})
	return r.service()
}

func (r *run) adopted() error {
	if err := r.write(oldProxy); err != nil {
		return err
	}
	return r.shows("adopted under load", "v1", "up")
}

// flips needs a second color: it comes with a new version.
func (r *run) flips() error {
	if err := r.shows("a new version", "v2", "up"); err != nil {
		return err
	}
	for _, version := range []string{"v1", "v2", "v1"} {
		if err := r.shows("flipped", version, "flip"); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) newVersion() error { return r.shows("another version", "v3", "up") }

func (r *run) otherProxies() error {
	if err := r.write(newProxy); err != nil {
		return err
	}
	if err := r.shows("other proxies", "v3", "up"); err != nil {
		return err
	}
	svc, err := r.service()
	if err == nil && !strings.HasPrefix(svc.Spec.TaskTemplate.ContainerSpec.Image, newProxy) {
		err = fmt.Errorf("the proxies run %s, want %s", svc.Spec.TaskTemplate.ContainerSpec.Image, newProxy)
	}
	return err
}

func (r *run) givenBack() error {
	if err := r.write(""); err != nil {
		return err
	}
	if err := r.shows("given back", "v3", "up", "--yes"); err != nil {
		return err
	}
	out, err := r.docker("service", "ls", "--format", "{{.Name}}")
	if err != nil {
		return err
	}
	networks, err := r.docker("network", "ls", "--format", "{{.Name}}")
	if err == nil && (strings.Contains(out, "-blue") || strings.Contains(out, "-green") || strings.Contains(networks, "bluegreen")) {
		err = fmt.Errorf("colors or the control network are left: %s %s", out, networks)
	}
	return err
}

// shows runs a command that leads to a version, and sees that only this one answers what is begun
// after it.
func (r *run) shows(what, version string, args ...string) error {
	began := time.Now()
	args = append([]string{"bluegreen", "-p", "shop", "--progress", "plain"}, args...)
	if args[len(args)-1] == "up" {
		args = append(args, "--resolve-image", "never")
	}
	out, err := r.dockerWith([]string{"V=" + version}, args...)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", what, err, out)
	}
	ended := time.Now()
	for _, l := range []*load.Load{r.load, r.router} {
		if err := r.awaitVersion(l, version); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		after, err := l.AwaitRequests(r.ctx, 30)
		if err != nil {
			return err
		}
		if since := l.Since(ended); since.Failed > 0 || len(since.Versions) != 1 || since.Versions[version] == 0 || after.Failed > 0 {
			return fmt.Errorf("%s: answers came from %v, want only %s\n%s", what, since.Versions, version, since)
		}
		fmt.Printf("%-20s %-5s %5.1fs  %s\n", what, version, ended.Sub(began).Seconds(), l.Between(began, time.Now()))
	}
	return r.insideOK(what)
}

func (r *run) awaitVersion(l *load.Load, version string) error {
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	return l.Await(ctx, version)
}

// callStats is what the caller says of its calls.
type callStats struct {
	OK     int      `json:"ok"`
	Failed int      `json:"failed"`
	Errors []string `json:"errors"`
}

// oneShot keeps no connection.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

func (r *run) calls(reset bool) (st callStats, err error) {
	url := "http://" + address + ":8090/stats"
	if reset {
		url += "?reset=1"
	}
	resp, err := oneShot.Get(url)
	if err != nil {
		return st, err
	}
	defer resp.Body.Close()
	return st, json.NewDecoder(resp.Body).Decode(&st)
}

func (r *run) insideOK(what string) error {
	st, err := r.calls(false)
	if err == nil && (st.Failed > 0 || st.OK == 0) {
		err = fmt.Errorf("%d of %d calls from inside failed: %s", st.Failed, st.OK+st.Failed, strings.Join(st.Errors, "; "))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (r *run) zeroFailed() error {
	all, routed := r.load.Stop(), r.router.Stop()
	inside, err := r.calls(false)
	if err != nil {
		return err
	}
	fmt.Printf("from outside, through the mesh:      %s\n", all)
	fmt.Printf("from outside, through Traefik:       %s\n", routed)
	fmt.Printf("from inside, by the virtual address: %d requests, %d failed\n", inside.OK+inside.Failed, inside.Failed)
	if all.Failed+routed.Failed+inside.Failed > 0 || all.Total == 0 || routed.Total == 0 || inside.OK == 0 {
		return errors.New("requests failed")
	}
	return nil
}

// same is the error for a service that is not the one it was.
func same(before, after swarm.Service) error {
	var errs []error
	for what, pair := range map[string][2]any{
		"id": {before.ID, after.ID}, "mode": {before.Spec.Mode, after.Spec.Mode}, "ports": {before.Endpoint.Ports, after.Endpoint.Ports},
		"virtual addresses": {before.Endpoint.VirtualIPs, after.Endpoint.VirtualIPs},
	} {
		was, _ := json.Marshal(pair[0]) // types of the API are JSON
		is, _ := json.Marshal(pair[1])
		if string(was) != string(is) {
			errs = append(errs, fmt.Errorf("%s of the service: %s, before %s", what, is, was))
		}
	}
	return errors.Join(errs...)
}

func (r *run) service() (svc swarm.Service, err error) {
	out, err := r.docker("service", "inspect", "shop_web")
	if err != nil {
		return svc, err
	}
	var list []swarm.Service
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return svc, err
	}
	return list[0], nil
}

// artifacts is an error that tells what the swarm holds.
func (r *run) artifacts() error {
	var b strings.Builder
	for _, args := range [][]string{{"service", "ls"}, {"stack", "ps", "--no-trunc", "shop"}, {"service", "ps", "--no-trunc", "shop_web"}, {"service", "logs", "--tail", "20", "shop_web"}, {"service", "logs", "-t", "--tail", "100", "shop_edge"}} {
		out, err := r.docker(args...)
		fmt.Fprintf(&b, "$ docker %s\n%s%v\n", strings.Join(args, " "), out, err)
	}
	return errors.New(b.String() + r.load.Stop().String() + "\n" + r.router.Stop().String())
}

func (r *run) write(proxy string) error {
	settings := ""
	if proxy != "" {
		settings = strings.Replace(blueGreen, "PROXY", proxy, 1)
	}
	return os.WriteFile(filepath.Join(stackDir, "compose.yaml"), []byte("version: '3.9'"+strings.Replace(file, "BLUEGREEN", settings, 1)), 0o644)
}

func (r *run) docker(args ...string) (string, error) { return r.dockerWith(nil, args...) }

func (r *run) dockerWith(vars []string, args ...string) (string, error) {
	cmd := exec.CommandContext(r.ctx, "docker", args...)
	cmd.Dir = stackDir
	cmd.Env = append(append(os.Environ(), "DOCKER_CONFIG="+filepath.Join(shareDir, "docker")), vars...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return string(out), nil
}

func (r *run) until(what string, holds func() bool) error {
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			return errors.Join(fmt.Errorf("not within %s: %s", patience, what), r.ctx.Err())
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(200 * time.Millisecond): // between two looks
		}
	}
	return nil
}
