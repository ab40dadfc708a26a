package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/registry"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// fakeRegistry is an engine that resolves images, but those that have an error, and that takes
// services.
type fakeRegistry struct {
	clustertest.Engine
	failing map[string]string

	mu    sync.Mutex
	asked []string // image and credentials of each look-up
	sent  []string // service and credentials of each write
}

func (f *fakeRegistry) DistributionInspect(_ context.Context, image, auth string) (registry.DistributionInspect, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, strings.TrimSpace(image+" "+auth))
	slices.Sort(f.asked)
	if text := f.failing[image]; text != "" {
		return registry.DistributionInspect{}, errors.New(text)
	}
	return registry.DistributionInspect{Descriptor: ocispec.Descriptor{Digest: digestOf(image)},
		Platforms: []ocispec.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm"}}}, nil
}

func (f *fakeRegistry) ServiceCreate(_ context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	f.sent = append(f.sent, "create "+spec.Name+" "+o.EncodedRegistryAuth)
	return api.ServiceCreateResponse{}, nil
}

func (f *fakeRegistry) ServiceUpdate(_ context.Context, _ string, _ api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	f.sent = append(f.sent, "update "+spec.Name+" "+o.EncodedRegistryAuth)
	return api.ServiceUpdateResponse{}, nil
}

func digestOf(image string) digest.Digest { return digest.FromString(image) }

// login returns credentials as docker's config would, and notes for which images it was asked.
func login(asked *[]string) func(string) (string, error) {
	return func(image string) (string, error) {
		*asked = append(*asked, image)
		if strings.HasPrefix(image, "broken.example/") {
			return "", errors.New("exec: docker-credential-x: not found")
		}
		return "auth:" + registryOf(image), nil
	}
}

const spelled = `
services:
  web: {image: nginx, x-bluegreen: {ports: [{target: 80}], proxy: {image: "haproxy:3.2"}}}
  api: {image: "docker.io/library/nginx:latest", x-bluegreen: {ports: [{target: 80}], proxy: {image: "haproxy:3.2"}}}
  tool: {image: index.docker.io/library/nginx}
  mine: {image: "registry.example:5000/mine:1"}
  also: {image: "registry.example:5000/mine:1"}
  pinned: {image: "registry.example:5000/mine@sha256:1111111111111111111111111111111111111111111111111111111111111111"}
`

func TestEachImageIsLookedUpOnce(t *testing.T) {
	f, asked := &fakeRegistry{}, []string{}
	o, p, seen := New(f, "shop", nil), plantest.LoadShop(t, spelled), plantest.Nothing()
	im := newLookup(plan.UpOptions{ResolveImage: plan.ResolveAlways, RegistryAuth: login(&asked)})
	for range upTries { // an up that starts over asks nobody again
		if err := o.resolveImages(context.Background(), im, plan.Lookups(seen, p.Services, plan.ResolveAlways)); err != nil {
			t.Fatal(err)
		}
	}
	wantLines(t, f.asked, "haproxy:3.2 auth:docker.io", "nginx:latest auth:docker.io", "registry.example:5000/mine:1 auth:registry.example:5000",
		"registry.example:5000/mine@sha256:1111111111111111111111111111111111111111111111111111111111111111 auth:registry.example:5000")
	wantLines(t, asked, "docker.io/library/nginx:latest", "registry.example:5000/mine:1")
	todo, err := plan.ForUp(p, seen, im.images, plan.UpOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range todo.Steps {
		if s.Spec != nil {
			got[s.Service+" "+string(s.Color)+" "+string(s.Do)] = s.Spec.TaskTemplate.ContainerSpec.Image
			if list := s.Spec.TaskTemplate.Placement.Platforms; fmt.Sprint(list) != "[{amd64 linux} { linux}]" {
				t.Errorf("%s: platforms %v", s.Name, list)
			}
		}
	}
	nginx := "nginx:latest@" + digestOf("nginx:latest").String()
	for step, want := range map[string]string{"web blue start color": nginx, "api blue start color": nginx, "tool  create service": nginx,
		"web blue create proxies": "haproxy:3.2@" + digestOf("haproxy:3.2").String(),
		"pinned  create service":  "registry.example:5000/mine@sha256:1111111111111111111111111111111111111111111111111111111111111111"} {
		if got[step] != want {
			t.Errorf("%s: image %q, want %q", step, got[step], want)
		}
	}
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// resolvedUp is an up whose look-ups gave the digests of other contents, as when a tag has moved.
func resolvedUp(t *testing.T, seen *cluster.Snapshot, file, policy, content string) (plan.Plan, []string) {
	t.Helper()
	f, p := &fakeRegistry{}, plantest.LoadShop(t, file)
	im := newLookup(plan.UpOptions{ResolveImage: policy})
	if err := New(f, "shop", nil).resolveImages(context.Background(), im, plan.Lookups(seen, p.Services, policy)); err != nil {
		t.Fatal(err)
	}
	for name, r := range im.images.Resolved {
		r.Image = strings.Split(r.Image, "@")[0] + "@" + digest.FromString(content).String()
		im.images.Resolved[name] = r
	}
	todo, err := plan.ForUp(p, seen, im.images, plan.UpOptions{ResolveImage: policy})
	if err != nil {
		t.Fatal(err)
	}
	return todo, f.asked
}

func TestResolvePolicies(t *testing.T) {
	seen := plantest.Nothing()
	todo, asked := resolvedUp(t, seen, plantest.Shop, plan.ResolveAlways, "old")
	wantLines(t, asked, "haproxy:3.2-alpine", "postgres:16", "shop/web:1")
	plantest.CarriedOut(seen, todo)
	// A new service with an image that another runs already.
	more := plantest.Shop + "  db2: {image: \"postgres:16\"}\n"
	for policy, want := range map[string][]string{
		plan.ResolveNever:   nil,
		plan.ResolveChanged: {"postgres:16"},
		plan.ResolveAlways:  {"haproxy:3.2-alpine", "postgres:16", "shop/web:1"},
	} {
		todo, asked := resolvedUp(t, seen, more, policy, "new")
		wantLines(t, asked, want...)
		changes := []string{}
		for _, s := range todo.Steps {
			if s.Spec != nil && s.Do != plan.Await {
				changes = append(changes, string(s.Do)+" "+s.Spec.TaskTemplate.ContainerSpec.Image)
			}
		}
		at := "@" + digest.FromString("new").String()
		steps := map[string][]string{
			plan.ResolveNever:   {"create service postgres:16"},
			plan.ResolveChanged: {"create service postgres:16" + at},
			plan.ResolveAlways: {"create service postgres:16" + at, "update service postgres:16" + at,
				"update proxies haproxy:3.2-alpine" + at, "start color shop/web:1" + at},
		}[policy]
		wantLines(t, changes, steps...)
	}
}

func TestUnresolvedImages(t *testing.T) {
	said := map[string]string{
		"down.example/app:1":   `Error response from daemon: Get "https://down.example/v2/": dial tcp 10.0.0.1:443: connect: connection refused`,
		"nobody.example/app:1": `Error response from daemon: Get "https://nobody.example/v2/": dial tcp: lookup nobody.example on 10.0.0.53:53: no such host`,
		"locked.example/app:1": `Error response from daemon: Head "https://locked.example/v2/app/manifests/1": no basic auth credentials`,
		"wrong.example/app:1":  `Error response from daemon: unauthorized`,
		"hidden/app:1":         "Error response from daemon: errors:\ndenied: requested access to the resource is denied\nunauthorized: authentication required\n",
		"gone.example/app:1":   `Error response from daemon: manifest unknown: manifest unknown`,
		"none.example/app:1":   `Error response from daemon: name unknown: Unknown name`,
		"plain.example/app:1":  `Error response from daemon: Get "https://plain.example/v2/": http: server gave HTTP response to HTTPS client`,
		"odd.example/app:1":    "Error response from daemon: error parsing HTTP 404 response body: " + strings.Repeat("x\n", 300),
	}
	want := []string{
		"image down.example/app:1: registry down.example: it refuses connections from the manager: check that it runs there, and that the port is right",
		"image gone.example/app:1: registry gone.example: it has no such image: correct the name, or `docker push gone.example/app:1`",
		"image hidden/app:1: registry docker.io: access is denied, or there is no such image: `docker login docker.io` with an account that may read it, or `docker push hidden/app:1`",
		"image locked.example/app:1: registry locked.example: it needs a login, or refuses this one: `docker login locked.example`, and `docker bluegreen up --with-registry-auth` for the nodes",
		"image nobody.example/app:1: registry nobody.example: the manager's nameserver does not know it: correct the name, or the nameserver of the manager",
		"image none.example/app:1: registry none.example: it has no such image: correct the name, or `docker push none.example/app:1`",
		"image odd.example/app:1: registry odd.example: error parsing HTTP 404 response body: " + strings.Repeat("x ", 81) + "…",
		"image plain.example/app:1: registry plain.example: it speaks plain HTTP: give it TLS, or add it to insecure-registries of every node's engine",
		"image wrong.example/app:1: registry wrong.example: it needs a login, or refuses this one: `docker login wrong.example`, and `docker bluegreen up --with-registry-auth` for the nodes",
		errDigestRequired.Error(),
	}
	var images []string
	for image := range said {
		images = append(images, image)
	}
	pinned := "gone.example/app@sha256:1111111111111111111111111111111111111111111111111111111111111111"
	said[pinned] = "manifest unknown"
	var warned []string
	o := New(&fakeRegistry{failing: said}, "shop", func(e cluster.Event) { warned = append(warned, string(e.State)+" "+e.Step+": "+e.Text) })
	err := o.resolveImages(context.Background(), newLookup(plan.UpOptions{RequireDigests: true}), append(images, pinned))
	if err == nil {
		t.Fatal("no error")
	}
	wantLines(t, strings.Split(err.Error(), "\n"), want...)
	wantLines(t, warned, "warning image "+pinned+": it was not found; the nodes use the digest in the file: "+
		"registry gone.example: it has no such image: correct the name, or `docker push gone.example/app`")

	warned = nil
	if err := o.resolveImages(context.Background(), newLookup(plan.UpOptions{}), []string{"down.example/app:1"}); err != nil {
		t.Error(err)
	}
	wantLines(t, warned, "warning image down.example/app:1: its digest cannot be resolved. Running services keep their digest; for others each node uses the image that it has or pulls: "+strings.TrimPrefix(want[0], "image down.example/app:1: "))
}

func TestCredentialsOfABrokenHelper(t *testing.T) {
	asked, warned := []string{}, []string{}
	f := &fakeRegistry{}
	o := New(f, "shop", func(e cluster.Event) { warned = append(warned, string(e.State)+" "+e.Step+": "+e.Text) })
	im := newLookup(plan.UpOptions{RegistryAuth: login(&asked)})
	if err := o.resolveImages(context.Background(), im, []string{"broken.example/a:1", "broken.example/b:1"}); err != nil {
		t.Fatal(err)
	}
	told := "cannot get credentials for registry broken.example: exec: docker-credential-x: not found: " +
		"fix credsStore or credHelpers in docker's config.json, or run `docker login broken.example`"
	wantLines(t, asked, "broken.example/a:1")
	wantLines(t, f.asked, "broken.example/a:1", "broken.example/b:1")
	wantLines(t, warned, "warning image broken.example/a:1: it is looked up without credentials: "+told)

	p := plantest.LoadShop(t, "services: {web: {image: \"broken.example/web:1\"}}")
	err := im.credentials.sendable(p.Services)
	if err == nil || err.Error() != "service web: "+told {
		t.Errorf("%v", err)
	}
}

func TestCredentialsGoWithEveryWrite(t *testing.T) {
	asked, f := []string{}, &fakeRegistry{}
	e := authWrites{f, newCredentials(login(&asked))}
	spec := func(name, image string) api.ServiceSpec {
		return api.ServiceSpec{Annotations: api.Annotations{Name: name}, TaskTemplate: api.TaskSpec{ContainerSpec: &api.ContainerSpec{Image: image}}}
	}
	ctx := context.Background()
	for _, w := range []func() error{
		func() error {
			_, err := e.ServiceCreate(ctx, spec("a", "one.example/a:1"), api.ServiceCreateOptions{})
			return err
		},
		func() error {
			_, err := e.ServiceUpdate(ctx, "", api.Version{}, spec("b", "one.example/b@"+digestOf("b").String()), api.ServiceUpdateOptions{})
			return err
		},
		func() error {
			_, err := e.ServiceUpdate(ctx, "", api.Version{}, spec("c", "broken.example/c"), api.ServiceUpdateOptions{})
			return err
		},
	} {
		if err := w(); err != nil {
			t.Fatal(err)
		}
	}
	wantLines(t, f.sent, "create a auth:one.example", "update b auth:one.example", "update c ")
	wantLines(t, asked, "one.example/a:1", "broken.example/c")
}

// With --with-registry-auth all services are written, but for jobs: Swarm would run them again.
func TestPlanSendsCredentials(t *testing.T) {
	file := plantest.Shop + "  migrate: {image: \"shop/web:1\", deploy: {mode: replicated-job}}\n"
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, file, plan.UpOptions{}))
	plantest.Want(t, plantest.For(t, seen, file, plan.UpOptions{}), "nothing to do\n")
	plantest.Want(t, plantest.For(t, seen, file, plan.UpOptions{WithRegistryAuth: true}), `
send credentials for shop_db: --with-registry-auth
send credentials for shop_web: --with-registry-auth
send credentials for shop_web-blue: --with-registry-auth
`)
	more := file + "  more: {image: app, configs: [db]}\nconfigs: {db: {content: of the name of a service}}\n"
	plantest.Want(t, plantest.For(t, seen, more, plan.UpOptions{WithRegistryAuth: true, Services: []string{"db", "more"}}), `
create config shop_db: it does not exist
create service shop_more: it does not exist
send credentials for shop_db: --with-registry-auth
await shop_more
`)
	given := strings.Replace(file, "x-bluegreen: {}", "x-given-back: {}", 1)
	plantest.Want(t, plantest.For(t, seen, strings.Replace(given, "replicas: 3", "replicas: 2", 1), plan.UpOptions{WithRegistryAuth: true, Services: []string{"web"}}), `
give back shop_web: x-bluegreen was taken out: the service becomes a plain one in place
remove color shop_web-blue: the service is not blue-green any more
remove network shop-bluegreen_control: no service is blue-green any more
`)
	file = strings.Replace(file, "shop/web:1", "shop/web:2", 1)
	plantest.Want(t, plantest.For(t, seen, file, plan.UpOptions{WithRegistryAuth: true, Services: []string{"web"}}), `
send credentials for shop_web-blue: --with-registry-auth
start color shop_web-green: release 2: image shop/web:1 → shop/web:2
flip shop_web to green: image shop/web:1 → shop/web:2
retire color shop_web-blue: it is idle after the flip, keep: warm
`)
}
