package plan_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// changesText is what a plan changes, a line for each field.
func changesText(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		if len(s.Changes) > 0 {
			fmt.Fprintf(&b, "%s %s\n", s.Do, s.Name)
		}
		for _, c := range s.Changes {
			fmt.Fprintf(&b, "  %s: %q → %q\n", c.Field, c.From, c.To)
		}
	}
	return regexp.MustCompile(`cfg-[0-9a-f]{12}`).ReplaceAllString(b.String(), "cfg-…") // a hash of the template's text
}

const told = `
services:
  web:
    image: shop/web:1
    ports: ["80:8080"]
    environment: {LOG: info, DB_PASSWORD: hunter2, DB: "postgres://me:hunter3@db/x"}
    command: serve --all
    volumes: ["data:/data"]
    deploy: {replicas: 3, labels: {a: b}, resources: {limits: {cpus: "0.5", memory: 64M}}}
    stop_grace_period: 10s
    x-bluegreen: {}
  db:
    image: postgres:16
    environment: {A: a}
    secrets: [token]
secrets: {token: {environment: KEY_HUNTER}}
volumes: {data: {}}
`

// What is told of each changed field, and that nothing secret is.
func TestChanges(t *testing.T) {
	seen := plantest.Nothing()
	load := func(old ...string) plan.Plan {
		t.Helper()
		todo, err := plan.ForUp(plantest.LoadShop(t, strings.NewReplacer(old...).Replace(told)), seen, &plan.Images{}, plan.UpOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return todo
	}
	first := load()
	wantText(t, changesText(first), `
create service shop_db
  deploy.mode: "" → "replicated"
  image: "" → "postgres:16"
start color shop_web-blue
  deploy.mode: "" → "replicated"
  deploy.replicas: "" → "3"
  image: "" → "shop/web:1"
create proxies shop_web
  deploy.mode: "" → "replicated"
  deploy.replicas: "" → "2"
  image: "" → "haproxy:3.2-alpine"
  ports.80:8080/tcp: "" → "ingress"
`)
	plantest.CarriedOut(seen, first)
	second := load("web:1", "web:2", "LOG: info", "NEW: x", "hunter2", "hunter5", "hunter3", "hunter6", "serve --all", "serve",
		"data:/data", "data:/data:ro", "64M", "128M", `"0.5"`, `"1.5"`, "replicas: 3", "replicas: 4", "10s", "1m",
		"80:8080", "81:8080", "a: b", "a: c", "x-bluegreen: {}", "x-bluegreen: {drain: 5s}", "{A: a}", "{A: b}", "postgres:16", "postgres:17")
	wantText(t, changesText(second), `
update service shop_db
  environment.A: "a" → "b"
  image: "postgres:16" → "postgres:17"
  secrets.token: "shop_token" → "shop_token-831366ce"
update proxies shop_web
  configs./bluegreen/haproxy.cfg: "shop-bluegreen_haproxy.cfg-…" → "shop-bluegreen_haproxy.cfg-…"
  deploy.labels.a: "b" → "c"
  ports.80:8080/tcp: "ingress" → ""
  ports.81:8080/tcp: "" → "ingress"
  stop_grace_period: "34s" → "9s"
  x-bluegreen.drain: "30s" → "5s"
start color shop_web-green
  command: "serve --all" → "serve"
  deploy.replicas: "3" → "4"
  deploy.resources.limits.cpus: "0.5" → "1.5"
  deploy.resources.limits.memory: "64MiB" → "128MiB"
  environment.DB: "postgres://me:(hidden)@db/x" → "postgres://me:(hidden)@db/x"
  environment.DB_PASSWORD: "(hidden)" → "(hidden)"
  environment.LOG: "info" → ""
  environment.NEW: "" → "x"
  image: "shop/web:1" → "shop/web:2"
  stop_grace_period: "" → "1m0s"
  volumes./data: "volume shop_data" → "volume shop_data read-only"
`)
	if text := changesText(first) + changesText(second) + first.String() + second.String(); strings.Contains(text, "hunter") {
		t.Errorf("something secret is told:\n%s", text)
	}
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if want := strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}
