// Package suite is what we rely on of a Swarm, as scenarios: they run on the swarm in memory, in
// milliseconds, and on a real one. What holds on both is what unit tests may be built on. Each
// looks at what it made only, so that many can run on one swarm at once.
package suite

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// App is how a container of a scenario behaves.
type App string

// All that scenarios run.
const (
	Serves    App = "serves"    // prints Site.Line, runs until it is told to end, and ends at once
	Slow      App = "slow"      // takes Site.Stop to end
	Fails     App = "fails"     // ends with status 3 before it is healthy: it never runs
	Breaks    App = "breaks"    // has no healthcheck, and ends with status 3 once it has run for a blink
	Completes App = "completes" // prints Site.Line and ends with status 0 at once
)

// Site is a swarm that scenarios run on, and what differs between swarms.
type Site struct {
	Engine engine.API
	// Prefix is how all names begin that scenarios give.
	Prefix string
	// Container is what a task runs that behaves so.
	Container func(App) *api.ContainerSpec
	// Line is in what containers print, Stop is how long Slow takes to end.
	Line string
	Stop time.Duration
	// Nodes are the host names of the nodes that take tasks: two at least.
	Nodes []string
	// SetAvailability drains, pauses or activates a node, by its host name.
	SetAvailability func(host string, a api.NodeAvailability) error
	// Patience is how long anything may take, Look how long to wait between two looks.
	Patience, Look time.Duration
}

// Scenario is one thing that a Swarm does.
type Scenario struct {
	// Name says what it does.
	Name string
	// Alone is true for what disturbs others: it changes nodes.
	Alone bool
	run   func(r *run)
}

// Scenarios are all of the suite.
var Scenarios = slices.Concat(objects, services, updates, restarts, jobs, nodes)

// Test runs the scenario, and removes what it made.
func (s Scenario) Test(t *testing.T, site Site) {
	t.Helper()
	r := &run{T: t, Site: site, name: site.Prefix + "-" + strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(s.Name)}
	if len(r.name) > 55 {
		r.name = strings.TrimRight(r.name[:55], "-")
	}
	t.Cleanup(r.sweep)
	s.run(r)
}

// run is a scenario that runs.
type run struct {
	*testing.T
	Site
	name    string // how the names of its objects begin
	service []string
	network []string
	config  []string
	secret  []string
}

// sweep removes what the scenario made, services first.
func (r *run) sweep() {
	ctx := background
	if r.Failed() {
		r.tell()
	}
	gone := func(kind, id string, remove func() error) {
		var err error
		for end := time.Now().Add(r.Patience); ; time.Sleep(r.Look) {
			if err = remove(); err == nil || engine.NotFound(err) {
				return
			}
			if time.Now().After(end) {
				r.Errorf("remove %s %s: %v", kind, id, err)
				return
			}
		}
	}
	for _, id := range r.service {
		gone("service", id, func() error { return r.Engine.ServiceRemove(ctx, id) })
	}
	for _, id := range r.config {
		gone("config", id, func() error { return r.Engine.ConfigRemove(ctx, id) })
	}
	for _, id := range r.secret {
		gone("secret", id, func() error { return r.Engine.SecretRemove(ctx, id) })
	}
	for _, id := range r.network {
		gone("network", id, func() error { return r.Engine.NetworkRemove(ctx, id) })
	}
}

// tell logs the services and their tasks, for a scenario that failed.
func (r *run) tell() {
	for _, id := range r.service {
		if svc, _, err := r.Engine.ServiceInspectWithRaw(background, id, api.ServiceInspectOptions{}); err == nil && svc.UpdateStatus != nil {
			r.Logf("service %.8s: update %s since %v, %s", id, svc.UpdateStatus.State, svc.UpdateStatus.StartedAt, svc.UpdateStatus.Message)
		}
	}
	list, err := r.Engine.TaskList(background, api.TaskListOptions{})
	if err != nil {
		r.Log(err)
	}
	for _, t := range list {
		if slices.Contains(r.service, t.ServiceID) {
			r.Logf("task %.8s of %.8s slot %d node %.8s: %s, desired %s, %s %s, env %v", t.ID, t.ServiceID, t.Slot, t.NodeID, t.Status.State, t.DesiredState, t.Status.Message, t.Status.Err, t.Spec.ContainerSpec.Env)
		}
	}
}

// must ends the scenario at an error.
func (r *run) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// is fails the scenario unless there is an error that a predicate holds for.
func (r *run) is(what string, predicate func(error) bool, err error) {
	r.Helper()
	if err == nil || !predicate(err) {
		r.Errorf("%s: %v", what, errors.Join(err))
	}
}

// await returns when a condition holds.
func (r *run) await(what string, holds func() bool) {
	r.Helper()
	for end := time.Now().Add(r.Patience); !holds(); time.Sleep(r.Look) {
		if time.Now().After(end) {
			r.Fatalf("not within %s: %s", r.Patience, what)
		}
	}
}

// never fails the scenario if something happens within a time.
func (r *run) never(what string, within time.Duration, happens func() bool) {
	r.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(r.Look) {
		if happens() {
			r.Fatalf("happened: %s", what)
		}
	}
}

// spec is a service of so many tasks. A failed task is replaced soon, and an update ends soon.
func (r *run) spec(app App, replicas uint64) api.ServiceSpec {
	s := api.ServiceSpec{
		Annotations:  api.Annotations{Name: r.name, Labels: map[string]string{"suite": r.name}},
		Mode:         api.ServiceMode{Replicated: &api.ReplicatedService{Replicas: &replicas}},
		UpdateConfig: &api.UpdateConfig{Parallelism: 1, Monitor: time.Second, FailureAction: api.UpdateFailureActionPause, Order: api.UpdateOrderStopFirst},
		EndpointSpec: &api.EndpointSpec{Mode: api.ResolutionModeDNSRR},
	}
	s.TaskTemplate.ContainerSpec = r.Container(app)
	s.TaskTemplate.RestartPolicy = &api.RestartPolicy{Condition: api.RestartPolicyConditionAny, Delay: new(100 * time.Millisecond)}
	return s
}

// job is a job of one task.
func (r *run) job(app App) api.ServiceSpec {
	s := r.spec(app, 1)
	s.Mode = api.ServiceMode{ReplicatedJob: &api.ReplicatedJob{MaxConcurrent: new(uint64(1)), TotalCompletions: new(uint64(1))}}
	s.UpdateConfig = nil
	s.TaskTemplate.RestartPolicy.Condition = api.RestartPolicyConditionNone
	return s
}

// create makes a service.
func (r *run) create(spec api.ServiceSpec) (id string) {
	r.Helper()
	created, err := r.Engine.ServiceCreate(r.Context(), spec, api.ServiceCreateOptions{})
	r.must(err)
	r.service = append(r.service, created.ID)
	return created.ID
}

// runs makes a service and waits until all its tasks run.
func (r *run) runs(spec api.ServiceSpec) (id string, tasks []api.Task) {
	r.Helper()
	id = r.create(spec)
	return id, r.awaitRunning(id, int(*spec.Mode.Replicated.Replicas))
}

func (r *run) inspect(id string) api.Service {
	r.Helper()
	svc, _, err := r.Engine.ServiceInspectWithRaw(r.Context(), id, api.ServiceInspectOptions{})
	r.must(err)
	return svc
}

// update writes a service; the swarm writes it too, so a write may have to be tried again.
func (r *run) update(id string, change func(spec *api.ServiceSpec)) {
	r.Helper()
	r.await("the service is written", func() bool {
		svc := r.inspect(id)
		change(&svc.Spec)
		_, err := r.Engine.ServiceUpdate(r.Context(), id, svc.Version, svc.Spec, api.ServiceUpdateOptions{})
		if err != nil && !engine.OutOfSequence(err) {
			r.Fatal(err)
		}
		return err == nil
	})
}

// tasks lists the tasks of a service, oldest first; filters come in pairs.
func (r *run) tasks(id string, pairs ...string) []api.Task {
	r.Helper()
	f := filters.NewArgs(filters.Arg("service", id))
	for pair := range slices.Chunk(pairs, 2) {
		f.Add(pair[0], pair[1])
	}
	list, err := r.Engine.TaskList(r.Context(), api.TaskListOptions{Filters: f})
	r.must(err)
	slices.SortFunc(list, func(a, b api.Task) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return list
}

func isRunning(t api.Task) bool {
	return t.DesiredState == api.TaskStateRunning && t.Status.State == api.TaskStateRunning
}

// where are the tasks for which something holds.
func where(tasks []api.Task, holds func(api.Task) bool) []api.Task {
	return slices.DeleteFunc(slices.Clone(tasks), func(t api.Task) bool { return !holds(t) })
}

// awaitRunning waits until n tasks of a service's spec run and no other is left that does.
func (r *run) awaitRunning(id string, n int) (running []api.Task) {
	r.Helper()
	r.await(fmt.Sprintf("%d tasks run", n), func() bool {
		all := r.tasks(id)
		running = where(r.tasks(id, "_up-to-date", "true"), isRunning)
		return len(running) == n && len(where(all, func(t api.Task) bool { return t.Status.State == api.TaskStateRunning })) == n
	})
	return running
}

func ids(tasks []api.Task) []string {
	var out []string
	for _, t := range tasks {
		out = append(out, t.ID)
	}
	slices.Sort(out)
	return out
}

// listed is a service as a list has it.
func (r *run) listed(id string, status bool) api.Service {
	r.Helper()
	list, err := r.Engine.ServiceList(r.Context(), api.ServiceListOptions{Status: status, Filters: filters.NewArgs(filters.Arg("id", id))})
	r.must(err)
	if len(list) != 1 {
		r.Fatalf("%d services have the id %s", len(list), id)
	}
	return list[0]
}

// status waits until the numbers of a service are these.
func (r *run) status(id string, want api.ServiceStatus) {
	r.Helper()
	var have api.ServiceStatus
	for end := time.Now().Add(r.Patience); ; time.Sleep(r.Look) {
		if have = *r.listed(id, true).ServiceStatus; have == want {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("status %+v, want %+v", have, want)
		}
	}
}

// host is the id of a node by its host name.
func (r *run) host(name string) string {
	r.Helper()
	list, err := r.Engine.NodeList(r.Context(), api.NodeListOptions{})
	r.must(err)
	for _, n := range list {
		if n.Description.Hostname == name {
			return n.ID
		}
	}
	r.Fatalf("no node %s", name)
	return ""
}
