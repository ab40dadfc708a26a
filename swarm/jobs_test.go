package swarm

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// withJob is a file whose web waits for a job.
func withJob(web, migrate, deploy, condition string) string {
	return `services:
  web:
    image: shop/web:` + web + `
    deploy: {replicas: 3}
    depends_on: {migrate: ` + condition + `}
    expose: [8080]
    x-bluegreen: {}
  migrate:
    image: shop/migrate:` + migrate + `
    deploy: ` + deploy + `
`
}

const (
	once      = "{mode: replicated-job, restart_policy: {condition: none}}"
	everyNode = "{mode: global-job, restart_policy: {condition: none}}"
	completed = "{condition: service_completed_successfully}"
)

// runs is how often a job was run.
func (m *memory) runs(job string) uint64 {
	m.t.Helper()
	return m.Service(job).JobStatus.JobIteration.Index + 1 // counted from 0
}

// A job that fails keeps the new version from traffic; what it printed is told, and the next up
// runs it again.
func TestFailedJob(t *testing.T) {
	for _, tc := range []struct {
		name, deploy string
		want         string
	}{
		{"one task", once, `service migrate did not become healthy: a task failed, and its restart_policy allows no other
  shop_migrate.nX on nX: failed (exit code 3): task: non-zero exit (3)
    | no such table
traffic was not touched`},
		{"on every node", everyNode, `service migrate did not become healthy: a task failed, and its restart_policy allows no other
  shop_migrate.nX on nX: failed (exit code 3): task: non-zero exit (3)
    | no such table
traffic was not touched`},
		{"that Swarm starts again", "{mode: replicated-job}", `service migrate did not become healthy: 3 tasks of one slot failed` + strings.Repeat(`
  shop_migrate.nX on nX: failed (exit code 3): task: non-zero exit (3)
    | no such table`, 3) + `
traffic was not touched`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(withJob("1", "1", tc.deploy, completed)))
				m.SetApp("shop/migrate:2", swarmtest.App{Start: time.Second, Fails: true, Log: []string{"no such table"}})
				err := m.up(withJob("2", "2", tc.deploy, completed))
				m.wantText(err, tc.want)
				m.wantRoutes("1:blue", "1:blue")
				m.wantColors("shop/web:1 x 3 of 3", "none")
				m.SetApp("shop/migrate:2", m.Default)
				m.must(m.up(withJob("2", "2", tc.deploy, completed)))
				m.wantRoutes("2:green", "2:green")
				if n := m.runs("shop_migrate"); n != 3 {
					t.Errorf("the job ran %d times, want 3", n)
				}
				m.wantTold("migrate job: runs again: web, which depends on it, gets a new release", "migrate job: completed")
			})
		})
	}
}

// A job runs again when what waits for it gets a new release, and for nothing else.
func TestWhenAJobRunsAgain(t *testing.T) {
	for _, tc := range []struct {
		name string
		file string
		want uint64
	}{
		{"nothing changed", withJob("1", "1", once, completed), 1},
		{"a new release", withJob("2", "1", once, completed), 2},
		{"a new image", withJob("1", "2", once, completed), 2},
		{"both", withJob("2", "2", once, completed), 2},
		{"another number of replicas", strings.Replace(withJob("1", "1", once, completed), "replicas: 3", "replicas: 4", 1), 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.must(m.up(withJob("1", "1", once, completed)))
				m.must(m.up(tc.file))
				if n := m.runs("shop_migrate"); n != tc.want {
					t.Errorf("the job ran %d times, want %d", n, tc.want)
				}
			})
		})
	}
}

// A job that is not required to succeed holds nobody up; the command fails with it at the end.
func TestOptionalJob(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := withJob("1", "1", once, "{condition: service_completed_successfully, required: false}")
		m.SetApp("shop/migrate:1", swarmtest.App{Start: time.Second, Fails: true, Log: []string{"no such table"}})
		err := m.up(file)
		m.wantText(err, `service migrate did not become healthy: a task failed, and its restart_policy allows no other
  shop_migrate.nX on nX: failed (exit code 3): task: non-zero exit (3)
    | no such table`)
		var broken *cluster.UnhealthyError
		m.wantError(err, &broken)
		m.wantRoutes("1:blue", "1:blue")
		m.wantColors("shop/web:1 x 3 of 3", "none")
		m.wantText(m.up(strings.Replace(file, "web:1", "web:2", 1)), steady(err.Error()))
		m.wantRoutes("2:green", "2:green")
	})
}

// A job of several tasks has completed when all of them have.
func TestJobOfSeveralTasks(t *testing.T) {
	inMemory(t, func(m *memory) {
		file := withJob("1", "1", everyNode, completed)
		m.SetApp("shop/migrate:1", swarmtest.App{Start: time.Second, Done: 20 * time.Minute})
		began := time.Now()
		m.must(m.up(file))
		if took := time.Since(began); took < 20*time.Minute {
			t.Errorf("the job was waited for %s; it runs for 20 minutes", took)
		}
		st, err := m.operator().Status(m.t.Context(), false)
		m.must(err)
		if got := st.Services[0].Swarm; got.Ready != 3 || got.Wanted != 3 || got.Mode != "global-job" {
			t.Errorf("the job is %+v, want 3 of 3 completed", got)
		}
		m.must(m.up(strings.Replace(file, "web:1", "web:2", 1)))
		if n := m.runs("shop_migrate"); n != 2 {
			t.Errorf("the job ran %d times, want 2", n)
		}
	})
}

// With service_started a dependency need not be healthy, only begun.
func TestStartedIsEnough(t *testing.T) {
	file := `services:
  web:
    image: shop/web:1
    depends_on: [cache]
    expose: [8080]
    x-bluegreen: {}
  cache: {image: 'shop/cache:1', deploy: {replicas: 2}}
`
	for _, tc := range []struct {
		name string
		app  swarmtest.App
		want string
	}{
		{"slow", swarmtest.App{Start: 4 * time.Minute}, ""},
		{"fails", swarmtest.App{Start: time.Second, Fails: true}, `service cache did not become healthy: 3 tasks of one slot failed
  shop_cache.X on nX: failed (exit code 3): task: non-zero exit (3)
  shop_cache.X on nX: failed (exit code 3): task: non-zero exit (3)
  shop_cache.X on nX: failed (exit code 3): task: non-zero exit (3)
traffic of web has moved to the new release, other traffic was not touched`},
		{"never begins", swarmtest.App{Start: time.Hour}, "service cache did not become healthy: its tasks did not start within 5m0s\n" +
			"  shop_cache.X on nX: preparing\n  shop_cache.X on nX: preparing\ntraffic was not touched"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inMemory(t, func(m *memory) {
				m.SetApp("shop/cache:1", tc.app)
				err := m.upWith(file, plan.UpOptions{Detach: tc.want == ""})
				m.wantText(err, tc.want)
				if tc.want == "" {
					m.wantTold("cache tasks: 2 of 2 tasks started")
					m.wantRoutes("1:blue", "1:blue")
				}
			})
		})
	}
}
