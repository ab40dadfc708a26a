//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// edge are routers on one node, as people have them in front of their stacks. Traefik 3 asks the
// swarm as often as by default.
const edge = `
x-router: &router {networks: [edge]}
x-deploy: &deploy {endpoint_mode: dnsrr, placement: {constraints: [node.hostname == n2]}}
services:
  traefik3:
    <<: *router
    image: router:traefik
    command: [-version, "3"]
    volumes: ["${SOCKET}:/var/run/docker.sock"]
    ports: [{target: 80, published: 8501, mode: host}]
    deploy: {<<: *deploy}
  traefik2:
    <<: *router
    image: router:traefik
    command: [-version, "2", -refresh, 1s]
    volumes: ["${SOCKET}:/var/run/docker.sock"]
    ports: [{target: 80, published: 8502, mode: host}]
    deploy: {<<: *deploy}
  nginx:
    <<: *router
    image: nginx:bookworm
    command: [-e, stderr, -c, /nginx.conf]
    configs: [{source: nginx, target: /nginx.conf}]
    ports: [{target: 80, published: 8503, mode: host}]
    deploy: {<<: *deploy}
  caddy:
    <<: *router
    image: caddy:bookworm
    command: [run, --adapter, caddyfile, --config, /Caddyfile]
    environment: {HOME: /tmp}
    configs: [{source: caddy, target: /Caddyfile}]
    ports: [{target: 80, published: 8504, mode: host}]
    deploy: {<<: *deploy}
networks:
  edge: {name: "${EDGE}", attachable: true}
configs:
  # Without virtual addresses nginx must be told to ask for the name again; a request is sent once.
  nginx:
    content: |
      daemon off;
      user root;
      pid /tmp/nginx.pid;
      events {}
      http {
        access_log off;
        client_body_temp_path /tmp/body;
        proxy_temp_path /tmp/proxy;
        fastcgi_temp_path /tmp/fastcgi;
        uwsgi_temp_path /tmp/uwsgi;
        scgi_temp_path /tmp/scgi;
        resolver 127.0.0.11 valid=1s ipv6=off;
        server {
          listen 80;
          location / {
            set $$upstream web;
            proxy_pass http://$$upstream:8080;
            proxy_next_upstream off;
          }
        }
      }
  caddy:
    content: |
      {
        admin off
        auto_https off
      }
      :80
      reverse_proxy web:8080
`

// routed is a service behind them, as its file was before there was x-bluegreen. Nothing tells
// Traefik on which network.
const routed = `
services:
  web:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: "${STOP:-18s}"}
    networks: [edge]
    stop_grace_period: 30s
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
      restart_policy: {delay: 1s}
      labels:
        traefik.enable: "true"
        traefik.http.routers.web.rule: Host(` + "`web.example.com`" + `)
        traefik.http.services.web.loadbalancer.server.port: "8080"
        # PREVIEW
    BLUEGREEN
networks:
  edge: {external: true, name: "${EDGE}"}
`

// previewLabels lead another host to the port of the preview. A router of two services names its
// own.
const previewLabels = `traefik.http.routers.web.service: web
        traefik.http.routers.preview.rule: Host(` + "`preview.example.com`" + `)
        traefik.http.routers.preview.service: preview
        traefik.http.services.preview.loadbalancer.server.port: "9080"`

// routers are the ports at which the routers of the file edge answer.
var routers = map[string]int{"traefik3": 8501, "traefik2": 8502, "nginx": 8503, "caddy": 8504}

// A service behind Traefik 3, Traefik 2, nginx and Caddy is taken over, gets a new version, is
// flipped there and back, gets other proxies and is given back: no request fails through any of
// them, and after a switch one version answers.
func TestRouters(t *testing.T) {
	long(t)
	t.Parallel()
	loadRouters(t)
	e := newStack(t, edge)
	e.vars = []string{"EDGE=" + e.name, "SOCKET=" + env.lab.Node("n1").Socket()}
	e.must("up")

	s := e.beside("web", plainFile(routed))
	s.vars = e.vars
	s.exits(s.stackDeploy(), 0)
	loads := map[string]*load.Load{}
	for name, port := range routers {
		s.eventually(name+" answers", func() bool { return answersFrom(s.t, port) == "v1" })
		loads[name] = s.load(0, load.Options{Targets: []string{target("n2", port)}, Host: "web.example.com", Rate: 60, KeepAlive: 0.5, Post: 0.3})
	}
	step := func(what, version string, do func()) {
		t.Helper()
		began := time.Now()
		do()
		done := time.Now()
		for name, l := range loads {
			await(t, l, version)
			st := l.Between(began, time.Now())
			t.Logf("%s through %s: %s", what, name, st)
			if st.Failed > 0 {
				t.Errorf("%s through %s: %d of %d failed; the router said:\n%s", what, name, st.Failed, st.Total,
					e.docker("service", "logs", "--timestamps", "--tail", "200", e.name+"_"+name))
			}
			if after := l.Since(done); len(after.Versions) != 1 {
				t.Errorf("%s through %s: afterwards answers came from %v, want only %s", what, name, after.Versions, version)
			}
		}
	}

	step("adoption", "v1", func() {
		s.write(strings.Replace(routed, "BLUEGREEN", `x-bluegreen: {health: {path: /}, drain: 3s, timeout: 5m, proxy: {image: "`+newest+`"}}`, 1))
		s.up("v1", "--accept-gap") // without virtual addresses, and the app serves on for STOP
	})
	if label := s.service("web").Spec.Labels["traefik.docker.network"]; label != e.name {
		t.Errorf("the proxies tell Traefik the network %q, want %s", label, e.name)
	}
	step("a new version", "v2", func() { s.up("v2") })
	step("a flip back", "v1", func() { s.must("flip") })
	step("a flip", "v2", func() { s.must("flip") })
	step("other proxies", "v2", func() {
		file := strings.Replace(routed, "BLUEGREEN", `x-bluegreen: {preview: {port: 9080}, health: {path: /, rise: 1}, drain: 3s, timeout: 5m, proxy: {image: "`+newest+`"}}`, 1)
		s.write(strings.Replace(file, "# PREVIEW", previewLabels, 1))
		s.up("v2")
	})
	for _, traefik := range []string{"traefik3", "traefik2"} {
		idle := s.load(0, load.Options{Targets: []string{target("n2", routers[traefik])}, Host: "preview.example.com", Rate: 60})
		await(t, idle, "v1")
		st, err := idle.AwaitRequests(t.Context(), 100)
		must(t, err)
		s.only(st, "v1")
		s.zeroFailed(st)
		t.Logf("the idle color through %s: %s", traefik, st)
		idle.Stop()
	}
	step("giving back", "v2", func() {
		s.write(plainFile(routed))
		s.up("v2", "--yes")
	})
	time.Sleep(16 * time.Second) // only when Traefik 3 has asked the swarm again it is known that it sent to nothing that is gone
	for _, l := range loads {
		s.zeroFailed(l.Stop())
	}
}

// loadRouters makes the images of the routers and loads them on the node where they run.
func loadRouters(t *testing.T) {
	t.Helper()
	ctx, cancel := contextFor(t, 15*time.Minute) // Traefik is compiled the first time
	defer cancel()
	dir := t.TempDir()
	binary := filepath.Join(dir, "traefik")
	for _, args := range [][]string{{"build", "-C", "traefik", "-o", binary, "."}, {"vet", "-C", "traefik", "."}, {"mod", "tidy", "-C", "traefik", "-diff"}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, out)
		}
	}
	traefik, err := image.FromBinary(dir, "router:traefik", binary)
	if err != nil {
		t.Fatal(err)
	}
	tars, err := image.Build(ctx, dir, "nginx:bookworm", "caddy:bookworm")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.lab.Node("n2").Load(ctx, append(tars, traefik)...); err != nil {
		t.Fatal(err)
	}
}

// answersFrom asks through a router, once, and returns the version that answered, empty for none.
func answersFrom(t *testing.T, port int) string {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	l := load.Start(ctx, load.Options{Targets: []string{fmt.Sprint(target("n2", port))}, Host: "web.example.com", Workers: 1, Rate: 5})
	if l.Await(ctx, "v1") != nil {
		l.Stop()
		return ""
	}
	l.Stop()
	return "v1"
}
