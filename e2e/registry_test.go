//go:build e2e

package e2e

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Addresses of registries on the loopback of every node: one that serves everybody, and one for
// those who log in.
const (
	openRegistry  = "127.0.0.1:5000"
	loginRegistry = "127.0.0.1:5001"
)

// registry is a running registry.
type registry struct {
	t    *testing.T
	open string // where images are pushed
	stop func()

	mu    sync.Mutex
	asked []string // requests, as "HEAD /v2/app/manifests/v1 200"
}

// startRegistry starts a registry without images, which ends with the test if not before. login is
// its address for the users.
func startRegistry(t *testing.T, open, login string, users ...string) *registry {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "registry")
	build := exec.Command("go", "build", "-C", "registry", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the registry: %v\n%s", err, out)
	}
	args := []string{"-open", open, "-login", login}
	for _, u := range users {
		args = append(args, "-user", u)
	}
	for _, n := range env.lab.Nodes() {
		args = append(args, "-netns", n.Netns())
	}
	cmd := exec.Command(binary, args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &registry{t: t, open: open}
	ready, ended := make(chan struct{}), make(chan struct{})
	go r.read(stdout, ready, ended)
	r.stop = sync.OnceFunc(func() { stdin.Close(); <-ended; _ = cmd.Wait() })
	t.Cleanup(r.stop)
	select {
	case <-ready:
	case <-ended:
		t.Fatal("the registry did not start")
	}
	return r
}

func (r *registry) read(out io.Reader, ready, ended chan<- struct{}) {
	defer close(ended)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() == "ready" {
			close(ready)
			continue
		}
		r.mu.Lock()
		r.asked = append(r.asked, lines.Text())
		r.mu.Unlock()
	}
}

// lookups returns which tags were asked for since it was called last, sorted, as "app:v1". Nodes
// pull by digest.
func (r *registry) lookups() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tags []string
	for _, line := range r.asked {
		fields := strings.Fields(line)
		name, tag, ok := strings.Cut(strings.TrimPrefix(fields[1], "/v2/"), "/manifests/")
		if ok && fields[0] != "PUT" && fields[2] == "200" && !strings.HasPrefix(tag, "sha256:") {
			tags = append(tags, name+":"+tag)
		}
	}
	r.asked = nil
	slices.Sort(tags)
	return tags
}

// push puts a local image into the registry under another name, and returns its digest. Nothing
// stays on the node.
func (r *registry) push(image, as string) string {
	r.t.Helper()
	n, ctx, as := env.lab.Node("n1"), r.t.Context(), r.open+"/"+as
	for _, args := range [][]string{{"tag", image, as}, {"push", "--quiet", as}} {
		if out, err := n.Docker(ctx, args...); err != nil {
			r.t.Fatalf("docker %v: %v %s", args, err, out)
		}
	}
	out, err := n.Docker(ctx, "image", "inspect", "--format", "{{range .RepoDigests}}{{println .}}{{end}}", as)
	if err != nil {
		r.t.Fatal(err)
	}
	name, _, _ := strings.Cut(as[len(r.open)+1:], ":")
	var digest string
	for _, d := range strings.Fields(out) {
		if repo, sum, _ := strings.Cut(d, "@"); repo == r.open+"/"+name {
			digest = sum
		}
	}
	if digest == "" {
		r.t.Fatalf("%s has no digest: %s", as, out)
	}
	if _, err := n.Docker(ctx, "rmi", as); err != nil {
		r.t.Fatal(err)
	}
	r.lookups()
	return digest
}

// upWith runs up with the plugin's own default of --resolve-image.
func (s *stack) upWith(vars []string, args ...string) result {
	s.t.Helper()
	cmd, out := s.command(vars, "up")
	cmd.Args = append(cmd.Args[:len(cmd.Args)-2], args...)
	return s.finish(cmd, out, append([]string{"up"}, args...)...)
}

// image is the image in the spec of a service.
func (s *stack) image(service string) string {
	s.t.Helper()
	return s.service(service).Spec.TaskTemplate.ContainerSpec.Image
}

func (s *stack) hasImage(service, image string) {
	s.t.Helper()
	if got := s.image(service); got != image {
		s.t.Errorf("%s has image %s, want %s", service, got, image)
	}
}

// versions are the versions of all services of the stack: they grow with each write.
func (s *stack) versions() map[string]uint64 {
	s.t.Helper()
	out := map[string]uint64{}
	for _, svc := range s.services() {
		out[svc.Spec.Name] = svc.Version.Index
	}
	return out
}

// resolved is a stack with four services of three images, one of them under two names.
const resolved = `
x-plain: &plain {endpoint_mode: dnsrr, restart_policy: {delay: 100ms}, update_config: {monitor: 500ms}}
services:
  web:
    image: 127.0.0.1:5000/app
    expose: [8080]
    environment: {APP_STOP_DELAY: 0s}
    deploy: {endpoint_mode: dnsrr, restart_policy: {delay: 100ms}}
    x-bluegreen: {health: {path: /, interval: 500ms}, drain: 1s, timeout: 5m, proxy: {image: "127.0.0.1:5000/haproxy:newest", deploy: {replicas: 1}}}
  worker:
    image: 127.0.0.1:5000/app:latest
    environment: {APP_STOP_DELAY: 0s}
    healthcheck: {disable: true}
    deploy: *plain
  other:
    image: 127.0.0.1:5000/app:${V:-v1}
    environment: {APP_STOP_DELAY: 0s}
    healthcheck: {disable: true}
    deploy: *plain
`

// Tags become digests, each image being looked up once for all services; a tag that moved is a new
// release. A registry that is down is a warning, and an error before anything is changed where
// digests are required.
func TestDigests(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, resolved)
	r := startRegistry(t, openRegistry, "127.0.0.1:0")
	proxy := r.push(newest, "haproxy:newest")
	first := r.push("app:v1", "app:latest")
	if v1 := r.push("app:v1", "app:v1"); v1 != first {
		t.Fatalf("one image has the digests %s and %s", first, v1)
	}
	all := []string{"app:latest", "app:v1", "haproxy:newest"}

	s.exits(s.upWith(nil), 0)
	s.askedFor(r, all...)
	s.hasImage("web", openRegistry+"/haproxy:newest@"+proxy)
	s.hasImage("web-blue", openRegistry+"/app:latest@"+first)
	s.hasImage("worker", openRegistry+"/app:latest@"+first)
	s.hasImage("other", openRegistry+"/app:v1@"+first)
	s.says(s.exits(s.upWith(nil), 0), "nothing to do")
	s.askedFor(r, all...)

	second := r.push("app:v2", "app:latest")
	for _, policy := range []string{"never", "changed"} {
		s.says(s.exits(s.upWith(nil, "--resolve-image", policy), 0), "nothing to do")
		s.askedFor(r)
	}
	proxies, other := s.taskIDs("web"), s.taskIDs("other")
	s.exits(s.upWith(nil, "--resolve-image", "always"), 0)
	s.askedFor(r, all...)
	if route := s.route("web"); route != "2:green" {
		t.Errorf("the route is %s, want 2:green", route)
	}
	s.hasImage("web-blue", openRegistry+"/app:latest@"+first)
	s.hasImage("web-green", openRegistry+"/app:latest@"+second)
	s.hasImage("worker", openRegistry+"/app:latest@"+second)
	s.same("web", proxies)
	s.same("other", other)

	r.push("app:v2", "app:v2")
	s.exits(s.upWith([]string{"V=v2"}, "--resolve-image", "changed"), 0)
	s.askedFor(r, "app:v2")
	s.hasImage("other", openRegistry+"/app:v2@"+second)
	s.says(s.exits(s.upWith([]string{"V=v9"}, "--resolve-image=always"), 1), openRegistry+"/app:v9", "it has no such image", "docker push")
	s.withoutRegistry(r)
}

// withoutRegistry ends the registry of a stack that has V=v2.
func (s *stack) withoutRegistry(r *registry) {
	s.t.Helper()
	before := s.versions()
	r.stop()
	vars := []string{"V=v2"}
	s.says(s.exits(s.upWith(vars), 0), "warning", openRegistry+"/app:v2", "registry "+openRegistry+": it refuses connections", "nothing to do")
	strict := s.exits(s.upWith([]string{"V=v3"}, "--resolve-image=always"), 1)
	s.says(strict, "image "+openRegistry+"/app:v3: registry "+openRegistry+": it refuses connections")
	if after := s.versions(); fmt.Sprint(after) != fmt.Sprint(before) {
		s.t.Errorf("services were written: %v, before %v\n%s", after, before, strict.out)
	}
}

// askedFor fails the test unless the registry was asked for just these tags.
func (s *stack) askedFor(r *registry, want ...string) {
	s.t.Helper()
	if got := r.lookups(); !slices.Equal(got, want) {
		s.t.Errorf("the registry was asked for %v, want %v", got, want)
	}
}

// guarded is a stack all of whose images are in the registry that asks for a login.
var guarded = strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(resolved,
	openRegistry, loginRegistry), "/app\n", "/app:${V:-v1}\n"), "/app:latest\n", "/app:${V:-v1}\n")

// Nodes pull from a registry that asks for a login with the credentials of --with-registry-auth:
// those of docker's config or of a credential helper. Later writes keep them, and new ones restart
// nothing.
func TestRegistryAuth(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, guarded)
	r := startRegistry(t, "127.0.0.1:5002", loginRegistry, "ann:first", "ann:second")
	r.push(newest, "haproxy:newest")
	v1, v2, v3 := r.push("app:v1", "app:v1"), r.push("app:v2", "app:v2"), r.push("app:v3", "app:v3")

	s.says(s.exits(s.upWith(nil, "--resolve-image=always"), 1), "registry "+loginRegistry+": it needs a login", "docker login "+loginRegistry)
	if left := s.services(); len(left) > 0 {
		t.Fatalf("services were made: %v", s.objects())
	}
	first := dockerConfig(t, auths("ann:first"))
	s.says(s.exits(s.upWith(first), 3), loginRegistry+"/app:v1@"+v1, "could not pull", "--with-registry-auth")

	s.exits(s.upWith(first, "--with-registry-auth"), 0)
	for _, name := range []string{"web-blue", "worker", "other"} {
		s.hasImage(name, loginRegistry+"/app:v1@"+v1)
	}
	s.keepsCredentials(first, v2)
	s.helps(v3)
	s.renews(dockerConfig(t, auths("ann:second")))
}

// keepsCredentials updates a service without sending any: its node has to pull. A color that is new
// has none to keep.
func (s *stack) keepsCredentials(vars []string, digest string) {
	s.t.Helper()
	s.says(s.exits(s.upWith(append(vars, "V=v2"), "web"), 3), loginRegistry+"/app:v2@"+digest)
	if route := s.route("web"); route != "1:blue" {
		s.t.Errorf("the route is %s, want 1:blue", route)
	}
	s.exits(s.upWith(append(vars, "V=v2"), "worker"), 0)
	s.hasImage("worker", loginRegistry+"/app:v2@"+digest)
}

// helps brings a new release with the credentials of a helper, after trying one that does not work.
func (s *stack) helps(digest string) {
	s.t.Helper()
	config := fmt.Sprintf(`{"credHelpers": {%q: "lab"}}`, loginRegistry)
	missing := append(dockerConfig(s.t, config), "V=v3")
	before := s.versions()
	s.says(s.exits(s.upWith(missing, "--with-registry-auth"), 1), "credentials for registry "+loginRegistry, "docker-credential-lab")
	if after := s.versions(); fmt.Sprint(after) != fmt.Sprint(before) {
		s.t.Errorf("services were written: %v, before %v", after, before)
	}
	dir := s.t.TempDir()
	helper := "#!/bin/sh\n[ \"$1\" = get ] && echo '{\"ServerURL\": \"" + loginRegistry + "\", \"Username\": \"ann\", \"Secret\": \"first\"}'\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-lab"), []byte(helper), 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.exits(s.upWith(append(missing, "PATH="+dir+":"+os.Getenv("PATH")), "--with-registry-auth"), 0)
	s.hasImage("web-green", loginRegistry+"/app:v3@"+digest)
	if route := s.route("web"); route != "2:green" {
		s.t.Errorf("the route is %s, want 2:green", route)
	}
}

// renews sends other credentials to services of which nothing else changed.
func (s *stack) renews(vars []string) {
	s.t.Helper()
	names := []string{"web", "web-blue", "web-green", "other"}
	tasks, before := map[string][]string{}, s.versions()
	for _, n := range names {
		tasks[n] = s.taskIDs(n)
	}
	s.exits(s.upWith(append(vars, "V=v3"), "--with-registry-auth"), 0)
	after := s.versions()
	for _, n := range append(names, "worker") {
		if full := s.name + "_" + n; after[full] <= before[full] {
			s.t.Errorf("%s was not written", n)
		}
	}
	// What the swarm does about a write comes after it: by the end of an update of another service
	// it would be seen.
	s.exits(s.upWith(append(vars, "V=v1"), "worker"), 0)
	for _, n := range names {
		s.same(n, tasks[n])
	}
}

// dockerConfig makes a DOCKER_CONFIG with the plugin in it, and returns it as a variable.
func dockerConfig(t *testing.T, config string) []string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(env.config, "cli-plugins"), filepath.Join(dir, "cli-plugins")); err != nil {
		t.Fatal(err)
	}
	return []string{"DOCKER_CONFIG=" + dir}
}

// auths is a config.json as docker login writes it without a helper.
func auths(user string) string {
	return fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, loginRegistry, base64.StdEncoding.EncodeToString([]byte(user)))
}
