package swarm

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// With --no-flip an up ends when the idle color is ready; the next flip makes it active.
func TestUpWithoutAFlip(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.must(m.upWith(version("3"), plan.UpOptions{NoFlip: true}))
		m.wantTold("web up: release 3 waits on blue: run `docker bluegreen promote web` to make it active")
		m.wantRoutes("2:green", "2:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.upWith(version("3"), plan.UpOptions{NoFlip: true}))
		m.wantRoutes("2:green", "2:green")
		m.must(m.flip())
		m.wantRoutes("3:blue", "3:blue")
		m.must(m.rollback())
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// With promote: manual a release waits until promote. That may be run again, whatever came in
// between; a release that is older and comes back waits, too.
func TestPromote(t *testing.T) {
	manual := func(v string) string {
		return strings.Replace(version(v), "x-bluegreen: {", "x-bluegreen: {promote: manual, ", 1)
	}
	promote := func(m *memory) error { return promoting(m.t.Context(), m) }
	inMemory(t, func(m *memory) {
		m.two()
		m.must(m.up(manual("3")))
		m.wantRoutes("2:green", "2:green")
		m.must(m.up(manual("3")))
		m.wantTold("web up: release 3 waits on blue: run `docker bluegreen promote web` to make it active")
		m.wantRoutes("2:green", "2:green")
		st, err := m.operator().Status(m.t.Context(), false)
		if m.must(err); !st.Services[1].Colors[0].Waiting || st.Services[1].Colors[1].Waiting {
			m.t.Errorf("status: %+v", st.Services[1].Colors)
		}
		for range 2 {
			m.must(promote(m))
			m.wantRoutes("3:blue", "3:blue")
		}
		m.wantTold("web flip: blue is active: no release waits for a promote")
		m.must(m.up(manual("2")))
		m.wantTold("web up: release 2 waits on green: run `docker bluegreen promote web` to make it active")
		m.wantRoutes("3:blue", "3:blue")
		m.must(promote(m))
		m.wantRoutes("4:green", "4:green")
		m.must(m.rollback())
		m.must(promote(m))
		m.wantRoutes("5:blue", "5:blue")
	})
}

// A release that waits is withdrawn by an up of the file that is active: a promote after it, as in
// a pipeline, must not bring another release than the file says.
func TestReleaseThatIsWithdrawn(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.must(m.upWith(version("3"), plan.UpOptions{NoFlip: true}))
		m.must(m.up(version("2")))
		m.wantTold("web color blue: release 3 waits no more for a promote")
		m.must(promoting(m.t.Context(), m))
		m.wantRoutes("2:green", "2:green")
		m.wantColors("shop/web:3 x 3 of 3", "shop/web:2 x 3 of 3")
		m.forget()
		m.must(m.up(version("2")))
		m.wantTold("up: nothing to do: the swarm holds what the file says")
	})
}

// After --no-flip a rollback gives back what had served, and another up takes the place of what had
// not.
func TestReleaseThatNeverServed(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		m.must(m.upWith(version("3"), plan.UpOptions{NoFlip: true}))
		m.must(m.rollback())
		m.wantTold("web color blue: shop_web-blue holds release 1 again")
		m.wantRoutes("3:blue", "3:blue")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.must(m.upWith(version("4"), plan.UpOptions{NoFlip: true}))
		m.must(m.up(version("5")))
		m.wantRoutes("4:green", "4:green")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:5 x 3 of 3")
		m.must(m.rollback())
		m.wantRoutes("5:blue", "5:blue")
	})
}

// Some services of a file: what the named ones depend on comes along, unless --no-deps.
func TestSomeServices(t *testing.T) {
	file := `services:
  web: {image: 'shop/web:1', expose: [8080], depends_on: [cache], x-bluegreen: {}}
  cache: {image: 'shop/cache:1'}
  other: {image: 'shop/other:1'}
`
	for _, tc := range []struct {
		name string
		opts plan.UpOptions
		want string
		has  []string
	}{
		{"all", plan.UpOptions{}, "", []string{"shop_web", "shop_web-blue", "shop_cache", "shop_other"}},
		{"one", plan.UpOptions{Services: []string{"web"}}, "", []string{"shop_web", "shop_web-blue", "shop_cache"}},
		{"without what it depends on", plan.UpOptions{Services: []string{"web"}, NoDeps: true}, "", []string{"shop_web", "shop_web-blue"}},
		{"named twice", plan.UpOptions{Services: []string{"cache", "cache"}}, "", []string{"shop_cache"}},
		{"unknown", plan.UpOptions{Services: []string{"www"}}, "no such service: www", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.wantText(m.upWith(file, tc.opts), tc.want)
				got := m.services()
				for _, name := range tc.has {
					if got[name] == "" {
						m.t.Errorf("there is no %s: %v", name, got)
					}
				}
				if len(got) != len(tc.has) {
					m.t.Errorf("services %v, want %v", got, tc.has)
				}
			})
		})
	}
}

// With --detach a plain service that nothing waits for is not waited for.
func TestDetached(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.SetApp("postgres:16", swarmtest.App{Start: time.Hour, Stop: time.Second})
		m.must(m.upWith(version("1"), plan.UpOptions{Detach: true}))
		m.wantRoutes("1:blue", "1:blue")
		m.wantText(m.upWith(version("2"), plan.UpOptions{Timeout: time.Minute}), "service db did not become healthy: no progress for 1m0s: 0 of 1 tasks are ready\n"+
			"  shop_db.X on nX: preparing\ntraffic of web has moved to the new release, other traffic was not touched")
		m.wantRoutes("2:green", "2:green")
	})
}

// What cannot work is refused before anything is changed, and tried all the same on request.
func TestRefusedByPreflight(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		file := strings.Replace(version("3"), "deploy: {replicas: 3", "deploy: {placement: {constraints: ['node.hostname == n9']}, replicas: 3", 1)
		err := m.up(file)
		m.wantText(err, "nothing was changed, because this cannot work:\n"+
			"  service web: no node that takes tasks meets deploy.placement.constraints (node.hostname == nX): "+
			"label one with `docker node update --label-add`, or change the constraints\n"+
			"correct this and run the command again, or skip these checks with --skip-preflight")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		m.wantText(m.upWith(file, plan.UpOptions{SkipPreflight: true, Timeout: time.Minute}),
			"service web did not become healthy: no progress for 1m0s: 0 of 2 tasks are ready\n"+
				"  shop_web.X: pending: no suitable node (scheduling constraints not satisfied on 3 nodes)\nshop_web has its earlier settings again; shop_web-blue holds release 1 again; traffic was not touched")
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
		if routes := slices.Compact(m.Routes("web")); len(routes) != 1 || routes[0] != "2:green" {
			m.t.Errorf("proxies send by %v, want 2:green", routes)
		}
	})
}

// What may be wrong is told, and done.
func TestWarnedByPreflight(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(strings.Replace(version("1"), "    x-bluegreen: {}", "    volumes: ['data:/data']\n    x-bluegreen: {}", 1) + "volumes: {data: {}}\n"))
		m.wantRoutes("1:blue", "1:blue")
		m.wantTold("preflight: service web: while a release starts, both colors run and write to shop_data (at /data): mount it read_only, " +
			"or make sure that two releases can share it")
	})
}

// written remembers with which credentials services were written.
type written struct {
	engine.API
	mu   *sync.Mutex
	sent map[string]string
}

func (r written) note(name, auth string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !strings.Contains(name, "_order-") {
		r.sent[name] = auth
	}
}

func (r written) ServiceCreate(ctx context.Context, spec api.ServiceSpec, o api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	r.note(spec.Name, o.EncodedRegistryAuth)
	return r.API.ServiceCreate(ctx, spec, o)
}

func (r written) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	r.note(spec.Name, o.EncodedRegistryAuth)
	return r.API.ServiceUpdate(ctx, id, v, spec, o)
}

// With --with-registry-auth each service is written with the credentials for its image, also those
// that do not change; without them nothing is sent.
func TestCredentialsAreSent(t *testing.T) {
	inMemory(t, func(m *memory) {
		sent := map[string]string{}
		m.wrap = func(e engine.API) engine.API { return written{e, &sync.Mutex{}, sent} }
		m.must(m.up(version("1")))
		m.must(m.up(version("2")))
		for name, auth := range sent {
			if auth != "" {
				m.t.Errorf("%s was written with the credentials %q", name, auth)
			}
		}
		clear(sent)
		tasks := m.services()
		auth := plan.UpOptions{WithRegistryAuth: true, RegistryAuth: func(image string) (string, error) {
			return "of " + registryOf(image), nil
		}}
		m.must(m.upWith(version("2"), auth))
		for _, name := range []string{"shop_db", "shop_web", "shop_web-blue", "shop_web-green"} {
			if sent[name] != "of docker.io" {
				m.t.Errorf("%s was written with the credentials %q", name, sent[name])
			}
		}
		m.wantTold("web credentials: sent for shop_web-green", "db credentials: sent for shop_db", "web credentials: sent for shop_web")
		m.wantServices(tasks)
		m.wantRoutes("2:green", "2:green")
	})
}

// Credentials that cannot be had end the command before anything is changed.
func TestCredentialsThatAreMissing(t *testing.T) {
	for _, tc := range []struct{ name, image, want string }{
		{"of the service", "quay.example/web:1", "service web: cannot get credentials for registry quay.example: no helper: " +
			"fix credsStore or credHelpers in docker's config.json, or run `docker login quay.example`"},
		{"of its proxies", "shop/web:1", "service web: cannot get credentials for registry quay.example: no helper: " +
			"fix credsStore or credHelpers in docker's config.json, or run `docker login quay.example`"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				file := strings.Replace(options(version("1"), "{proxy: {image: 'quay.example/haproxy:3'}}"), "shop/web:1", tc.image, 1)
				opts := plan.UpOptions{WithRegistryAuth: true, ResolveImage: plan.ResolveNever, RegistryAuth: func(image string) (string, error) {
					if registryOf(image) == "quay.example" {
						return "", errors.New("no helper")
					}
					return "", nil
				}}
				m.wantText(m.upWith(file, opts), tc.want)
				_, err := m.operator().Plan(m.t.Context(), m.load(file), opts)
				m.wantText(err, tc.want)
				if left := m.Objects(); len(left) > 0 {
					m.t.Errorf("left: %v", left)
				}
			})
		})
	}
}

// Orders that a killed command has left are removed by the next one.
func TestLeftoverOrder(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.two()
		spec := m.Service("shop_web-blue").Spec
		spec.Name = "shop-bluegreen_order-ABCDEFGH"
		spec.Labels = map[string]string{cluster.LabelNamespace: cluster.Namespace("shop"), cluster.LabelStack: "shop", cluster.LabelRole: cluster.RoleOrder}
		_, err := m.ServiceCreate(m.t.Context(), spec, api.ServiceCreateOptions{})
		m.must(err)
		m.failing("ServiceRemove", "shop-bluegreen_order-X", 1, errRefused)
		m.wantText(m.flip(), "remove the leftover control job shop-bluegreen_order-X: refused")
		m.must(m.flip())
		m.wantServices(map[string]string{"shop_db": postgres, "shop_web": bluegreen.DefaultProxyImage + " ||",
			"shop_web-blue": "shop/web:1 |||", "shop_web-green": "shop/web:2 |||"})
		m.wantRoutes("3:blue", "3:blue")
	})
}
