package plan_test

import (
	"fmt"
	"strings"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan/plantest"
)

// chain is a stack in which everything waits for something: web for a migration, that for a
// database.
const chain = `
services:
  web:
    image: shop/web:1
    ports: ["80:8080"]
    x-bluegreen: {}
    depends_on:
      migrate: {condition: service_completed_successfully}
  migrate:
    image: shop/web:1
    command: migrate
    deploy: {mode: replicated-job}
    depends_on:
      db: {condition: service_healthy}
  db:
    image: postgres:16
  worker:
    image: shop/worker:1
    depends_on: [web]
  cron:
    image: shop/cron:1
`

// linkedText is a plan with the names of the steps that each has to wait for.
func linkedText(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%d %s %s", s.Phase, s.Do, s.Name)
		for _, a := range s.After {
			fmt.Fprintf(&b, " < %s %s", p.Steps[a].Do, p.Steps[a].Name)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func wantLinked(t *testing.T, todo plan.Plan, want string) {
	t.Helper()
	if got, want := linkedText(todo), strings.TrimLeft(want, "\n"); got != want {
		t.Errorf("plan:\n%swant:\n%s", got, want)
	}
}

func TestDependencies(t *testing.T) {
	seen := plantest.Nothing()
	todo := plantest.For(t, seen, chain, plan.UpOptions{})
	wantLinked(t, todo, `
0 create network shop_default
0 create network shop-bluegreen_control
1 create service shop_cron
1 create service shop_db
1 await shop_db < create service shop_db
1 create service shop_migrate < await shop_db
1 await shop_migrate < create service shop_migrate
1 start color shop_web-blue < await shop_migrate
1 check ports of shop_web-blue < start color shop_web-blue
1 create proxies shop_web < check ports of shop_web-blue
1 create service shop_worker < create proxies shop_web
2 await shop_cron
2 await shop_worker
`)
	plantest.CarriedOut(seen, todo)
	plantest.Want(t, plantest.For(t, seen, chain, plan.UpOptions{}), "nothing to do\n")

	// A new release runs the migration again, whose own spec is as it was; worker waits for the
	// flip.
	two := strings.Replace(strings.Replace(chain, "web:\n    image: shop/web:1", "web:\n    image: shop/web:2", 1), "worker:1", "worker:2", 1)
	todo = plantest.For(t, seen, two, plan.UpOptions{})
	wantLinked(t, todo, `
1 run job shop_migrate
1 await shop_migrate < run job shop_migrate
1 start color shop_web-green < await shop_migrate
1 flip shop_web < start color shop_web-green
1 retire color shop_web-blue < flip shop_web
1 update service shop_worker < flip shop_web
2 await shop_worker
`)
	// db is not in the way of web where nothing is to do for the migration between them.
	wantLinked(t, plantest.For(t, seen, strings.Replace(chain, "postgres:16", "postgres:17", 1), plan.UpOptions{}), `
1 update service shop_db
1 await shop_db < update service shop_db
`)
}

// A dependency that has nothing to do still stands behind what it depends on itself.
func TestDependencyOfDependency(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, chain, plan.UpOptions{}))
	changed := strings.Replace(strings.Replace(chain, "postgres:16", "postgres:17", 1), "worker:1", "worker:2", 1)
	wantLinked(t, plantest.For(t, seen, changed, plan.UpOptions{}), `
1 update service shop_db
1 await shop_db < update service shop_db
1 update service shop_worker < await shop_db
2 await shop_worker
`)
}

func TestJobs(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, chain, plan.UpOptions{}))
	job := seen.Plain["migrate"]
	for _, tc := range []struct {
		name   string
		status api.ServiceStatus
		want   string
	}{
		{"completed", api.ServiceStatus{CompletedTasks: 1}, "nothing to do\n"},
		{"failed", api.ServiceStatus{}, "run job shop_migrate: its last run did not complete\nawait shop_migrate\n"},
		{"running", api.ServiceStatus{RunningTasks: 1, DesiredTasks: 1}, "await shop_migrate\n"},
	} {
		job.ServiceStatus = &tc.status
		seen.Plain["migrate"] = job
		t.Run(tc.name, func(t *testing.T) { plantest.Want(t, plantest.For(t, seen, chain, plan.UpOptions{}), tc.want) })
	}
}

func TestStartedIsLessThanHealthy(t *testing.T) {
	file := `
services:
  a: {image: a, depends_on: [c]}
  b: {image: b, depends_on: {c: {condition: service_healthy, required: false}}}
  c: {image: c}
`
	todo := plantest.For(t, plantest.Nothing(), file, plan.UpOptions{})
	wantLinked(t, todo, `
0 create network shop_default
1 create service shop_c
1 await start of shop_c < create service shop_c
1 await shop_c < await start of shop_c
1 create service shop_a < await start of shop_c
1 create service shop_b < await shop_c
2 await shop_a
2 await shop_b
`)
	for _, s := range todo.Steps {
		if s.Service == "c" && s.Optional {
			t.Errorf("%s %s is optional, but a needs it", s.Do, s.Name)
		}
	}
	todo = plantest.For(t, plantest.Nothing(), strings.Replace(file, "a, depends_on: [c]", "a", 1), plan.UpOptions{Detach: true})
	wantLinked(t, todo, `
0 create network shop_default
1 create service shop_a
1 create service shop_c
1 await shop_c < create service shop_c
1 create service shop_b < await shop_c
`)
	if !todo.Steps[3].Optional {
		t.Error("the wait for c is not optional, though required: false")
	}
}

func TestNamedServicesBringWhatTheyDependOn(t *testing.T) {
	wantLinked(t, plantest.For(t, plantest.Nothing(), chain, plan.UpOptions{Services: []string{"migrate"}}), `
0 create network shop_default
1 create service shop_db
1 await shop_db < create service shop_db
1 create service shop_migrate < await shop_db
2 await shop_migrate
`)
	wantLinked(t, plantest.For(t, plantest.Nothing(), chain, plan.UpOptions{Services: []string{"migrate"}, NoDeps: true}), `
0 create network shop_default
1 create service shop_migrate
2 await shop_migrate
`)
}

func TestGiveBack(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	plantest.CarriedOut(seen, plantest.For(t, seen, strings.Replace(plantest.Shop, "web:1", "web:2", 1), plan.UpOptions{}))
	plain := strings.Replace(plantest.Shop, "    x-bluegreen: {}\n", "", 1)
	todo := plantest.For(t, seen, plain, plan.UpOptions{})
	plantest.Want(t, todo, `
give back shop_web: x-bluegreen was taken out: the service becomes a plain one in place
remove color shop_web-blue: the service is not blue-green any more
remove color shop_web-green: the service is not blue-green any more
remove network shop-bluegreen_control: no service is blue-green any more
`)
	plantest.CarriedOut(seen, todo)
	plantest.Want(t, plantest.For(t, seen, plain, plan.UpOptions{}), "nothing to do\n")
}

// Of two, one is given back: the other needs the control network.
func TestGiveBackOneOfTwo(t *testing.T) {
	file := plantest.Shop + "  api:\n    image: api\n    expose: [80]\n    x-bluegreen: {}\n"
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, file, plan.UpOptions{}))
	plantest.Want(t, plantest.For(t, seen, strings.Replace(file, "    x-bluegreen: {}\n", "", 1), plan.UpOptions{}), `
give back shop_web: x-bluegreen was taken out: the service becomes a plain one in place
remove color shop_web-blue: the service is not blue-green any more
`)
}

// An up that was killed while the service became plain: the next one goes on.
func TestGivenBackHalfway(t *testing.T) {
	seen := plantest.Nothing()
	plain := strings.Replace(plantest.Shop, "    x-bluegreen: {}\n", "", 1)
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	todo := plantest.For(t, seen, plain, plan.UpOptions{})
	plantest.CarriedOut(seen, plan.Plan{Steps: todo.Steps[:1]})
	plantest.Want(t, plantest.For(t, seen, plain, plan.UpOptions{}), `
give back shop_web: an earlier command began it
remove color shop_web-blue: the service is not blue-green any more
remove network shop-bluegreen_control: no service is blue-green any more
`)
}

func TestPrune(t *testing.T) {
	seen := plantest.Nothing()
	file := plantest.Shop + "  api:\n    image: api\n    expose: [80]\n    x-bluegreen: {}\n  tool: {image: tool}\n"
	plantest.CarriedOut(seen, plantest.For(t, seen, file, plan.UpOptions{}))
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}), "nothing to do\n")
	plantest.Want(t, plantest.For(t, seen, plantest.Shop+"  tool: {image: tool, profiles: [tools]}\n", plan.UpOptions{Prune: true}), `
remove proxies shop_api: it is not in the file
remove color shop_api-blue: it is not in the file
`)
	todo := plantest.For(t, seen, plantest.Shop, plan.UpOptions{Prune: true})
	plantest.Want(t, todo, `
remove service shop_tool: it is not in the file
remove proxies shop_api: it is not in the file
remove color shop_api-blue: it is not in the file
`)
	plantest.CarriedOut(seen, todo)
	plantest.Want(t, plantest.For(t, seen, plantest.Shop, plan.UpOptions{Prune: true}), "nothing to do\n")
}

func TestModesNeverChange(t *testing.T) {
	seen := plantest.Nothing()
	plantest.CarriedOut(seen, plantest.For(t, seen, plantest.Shop, plan.UpOptions{}))
	for _, tc := range []struct{ name, old, new, want string }{
		{"of a plain service", "postgres:16", "postgres:16\n    deploy: {mode: global}", "service db runs as replicated on the swarm and deploy.mode in the file is global"},
		{"of proxies", "deploy: {replicas: 3, labels: {traefik.enable: \"true\"}}\n    x-bluegreen: {}", "deploy: {mode: global}", "service web: its proxies run as replicated and deploy.mode in the file is global"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := plan.ForUp(plantest.LoadShop(t, strings.Replace(plantest.Shop, tc.old, tc.new, 1)), seen, &plan.Images{}, plan.UpOptions{})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one that says %q", err, tc.want)
			}
		})
	}
}
