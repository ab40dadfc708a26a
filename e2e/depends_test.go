//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
)

// dependent is a stack in which each service waits for another: worker for web, web for the
// migration, that for db.
const dependent = `
x-any: &any {endpoint_mode: dnsrr, restart_policy: {delay: 1s}}
services:
  web:
    image: app:${V:-v1}
    expose: [8080]
    environment: {APP_STOP_DELAY: 0s}
    deploy: {replicas: 2, endpoint_mode: dnsrr}
    depends_on: {migrate: {condition: service_completed_successfully}}
    x-bluegreen: {health: {path: /, interval: 500ms}, drain: 5s, timeout: 5m, proxy: {image: "HAPROXY"}}
  migrate:
    image: app:v1
    environment: {APP_EXIT: "${EXIT:-0}", APP_LATE: 1s}
    deploy: {mode: replicated-job, endpoint_mode: dnsrr, restart_policy: {condition: none}}
    depends_on: {db: {condition: service_healthy}}
  db:
    image: app:v1
    environment: {APP_FAIL: late, APP_LATE: 2s, APP_STOP_DELAY: 0s}
    deploy: {<<: *any}
  worker:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 0s}
    deploy: {<<: *any}
    depends_on: [web]
`

// Services come up in the order of depends_on; the migration runs before each new release, and its
// failure ends the up with traffic where it was.
func TestDependsOn(t *testing.T) {
	long(t)
	t.Parallel()
	s := newStack(t, strings.ReplaceAll(dependent, "HAPROXY", newest))
	s.up("v1")
	s.inOrder("db", "migrate", "web-blue", "web", "worker")

	s.says(s.up("v2"), "migrate job: runs again: web, which depends on it, gets a new release", "migrate job: completed")
	s.inOrder("migrate", "web-green", "worker")
	if a := s.active("web"); a != "green" {
		t.Errorf("%s is active, want green", a)
	}
	s.says(s.up("v2"), "nothing to do")

	colors, workers, db := s.taskIDs("web-green"), s.taskIDs("worker"), s.taskIDs("db")
	r := s.exits(s.runEnv([]string{"V=v3", "EXIT=7"}, "up"), 3)
	s.says(r, "migrate", "exit code 7", "job of version v1 ends with status 7")
	if route := s.route("web"); route != "2:green" {
		t.Errorf("the route is %s, want 2:green", route)
	}
	s.same("web-green", colors)
	s.same("worker", workers)
	s.same("db", db)
	if image := s.service("web-blue").Spec.TaskTemplate.ContainerSpec.Image; image != "app:v1" {
		t.Errorf("blue holds %s, though the migration before it failed", image)
	}

	// Corrected, the same command goes on.
	s.up("v3")
	s.inOrder("migrate", "web-blue", "worker")
	s.consistent()
}

// inOrder fails the test unless the current tasks of each service were made after the service
// before was there: healthy, completed or routed to.
func (s *stack) inOrder(services ...string) {
	s.t.Helper()
	for i, name := range services[1:] {
		before, since := services[i], time.Time{}
		for _, t := range s.latest(before) {
			since = laterOf(since, t.Status.Timestamp)
		}
		for _, t := range s.latest(name) {
			if t.CreatedAt.Before(since) {
				s.t.Errorf("%s began at %s, before %s was ready at %s", name, t.CreatedAt, before, since)
			}
		}
	}
}

// latest are the tasks of a service's newest spec.
func (s *stack) latest(name string) []swarm.Task {
	s.t.Helper()
	svc := s.service(name)
	all := s.allTasks(name)
	if svc.JobStatus != nil {
		all = slices.DeleteFunc(all, func(t swarm.Task) bool { return t.JobIteration.Index != svc.JobStatus.JobIteration.Index })
	} else {
		all = slices.DeleteFunc(all, func(t swarm.Task) bool { return t.Status.State != swarm.TaskStateRunning })
	}
	if len(all) == 0 {
		s.t.Fatalf("%s has no tasks", name)
	}
	return all
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// allTasks are all tasks of a service that the swarm remembers.
func (s *stack) allTasks(name string) []swarm.Task {
	s.t.Helper()
	all, err := s.engine.TaskList(s.t.Context(), swarm.TaskListOptions{
		Filters: filters.NewArgs(filters.Arg("service", s.name+"_"+name))})
	if err != nil {
		s.t.Fatalf("tasks of %s: %v", name, err)
	}
	return all
}
