package swarm

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

var yamlBlocks = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// way are the files of a page, in the order in which a reader deploys them.
func way(t *testing.T, page string, want int) []string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + page)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, m := range yamlBlocks.FindAllStringSubmatch(string(text), -1) {
		files = append(files, m[1])
	}
	if len(files) != want {
		t.Fatalf("%s has %d files, want %d", page, len(files), want)
	}
	return files
}

// next deploys a file as the pages say it. Removing and giving back is what they announce.
func (m *memory) next(file string) {
	m.t.Helper()
	m.must(m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, file), plan.UpOptions{ResolveImage: plan.ResolveNever, Prune: true, Yes: true}))
}

// serve fails the test unless exactly these services of the stack exist, with these images.
func (m *memory) serve(want ...string) {
	m.t.Helper()
	m.calm()
	var got []string
	for name, text := range m.services() {
		got = append(got, strings.TrimPrefix(name, "shop_")+" "+strings.Fields(text)[0])
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		m.t.Errorf("services %v, want %v", got, want)
	}
}

const haproxyImage = "haproxy:3.2-alpine"

// The pages about coming and leaving do what they say, file by file.
func TestWays(t *testing.T) {
	t.Run("from stack deploy, and leave", func(t *testing.T) {
		files := way(t, "from-stack-deploy.md", 4)
		last := way(t, "leave.md", 1)[0]
		inMemory(t, func(m *memory) {
			m.next(files[0])
			m.serve("web shop/web:1.4", "worker shop/web:1.4")
			id := m.Service("shop_web").ID
			m.next(files[1])
			m.serve("web "+haproxyImage, "web-blue shop/web:1.4", "worker shop/web:1.4")
			m.next(files[2])
			m.wantRoute("", "green")
			m.serve("web "+haproxyImage, "web-blue shop/web:1.4", "web-green shop/web:1.5", "worker shop/web:1.5")
			m.must(m.rollback())
			m.wantRoute("", "blue")
			m.next(files[2])
			m.next(last)
			m.serve("web shop/web:1.5")
			if m.Service("shop_web").ID != id {
				t.Error("web is another service than in the beginning")
			}
		})
	})
	t.Run("migration", func(t *testing.T) {
		files := way(t, "from-stack-deploy.md", 4)
		inMemory(t, func(m *memory) {
			m.next(files[3])
			m.serve("db postgres:16", "migrate shop/web:1.5", "web "+haproxyImage, "web-blue shop/web:1.5")
			m.wantTold("migrate job: completed", "web proxies: starting")
		})
	})
	t.Run("from labels", func(t *testing.T) {
		files := way(t, "from-labels.md", 3)
		inMemory(t, func(m *memory) {
			_, err := m.Engine().NetworkCreate(m.t.Context(), "traefik", network.CreateOptions{Driver: "overlay", Scope: "swarm"})
			m.must(err)
			m.next(files[0])
			m.serve("web-blue shop/web:1.4", "web-green shop/web:1.3")
			m.must(m.operator().Up(m.t.Context(), plantest.LoadShop(m.t, files[1]), never))
			m.serve("app "+haproxyImage, "app-blue shop/web:1.4", "web-blue shop/web:1.4", "web-green shop/web:1.3")
			if labels := m.Service("shop_app").Spec.Labels; labels["traefik.http.routers.app.priority"] != "100" {
				t.Errorf("the proxies have the labels %v", labels)
			}
			m.next(files[2])
			m.serve("app "+haproxyImage, "app-blue shop/web:1.4", "app-green shop/web:1.5")
		})
	})
	for i, router := range []string{"traefik traefik:v3", "nginx nginx:1.26", "caddy caddy:2"} {
		t.Run(router, func(t *testing.T) {
			// Nodes in memory have no role.
			file := strings.Replace(way(t, "routers.md", 3)[i], "node.role == manager", "node.hostname == n1", 1)
			inMemory(t, func(m *memory) {
				m.next(file)
				name, _, _ := strings.Cut(router, " ")
				before := m.Service("shop_" + name).Version
				m.next(strings.Replace(file, "1.4", "1.5", 1))
				m.wantRoute("", "green")
				m.serve(router, "web "+haproxyImage, "web-blue shop/web:1.4", "web-green shop/web:1.5")
				if now := m.Service("shop_" + name).Version; now != before {
					t.Errorf("%s was written", name)
				}
			})
		})
	}
	t.Run("from kamal", func(t *testing.T) {
		file := way(t, "from-kamal.md", 1)[0]
		inMemory(t, func(m *memory) {
			m.next(strings.Replace(file, "host1", "n1", 1))
			m.serve("db postgres:16", "job shop/web:1", "web "+haproxyImage, "web-blue shop/web:1")
		})
	})
}
