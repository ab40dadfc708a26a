// Package execute carries out plans.
package execute

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// run carries out one plan.
type run struct {
	*Executor
	seen *cluster.Snapshot
	plan plan.Plan

	mu sync.Mutex
	// begun are the colors that were touched and do not serve yet; a failure puts them back.
	begun []plan.Step
	// existed are the names of those that were there before.
	existed map[string]bool
	// networks are the ids, by name, of those that did not exist before.
	networks map[string]string
	// created are the services whose proxies did not exist before.
	created []*cluster.BlueGreen
	// before are the specs of the proxy services that were changed, by compose name.
	before map[string]api.ServiceSpec
	// served are the services that are past the point of no return: their new version takes traffic, and from
	// then on nothing of theirs is touched.
	served map[string]bool
	// tolerated are failures that are told at the end.
	tolerated error
}

// Execute carries out a plan. Until the flip, a failure puts the idle colors back to what they held.
func (ex *Executor) Execute(ctx context.Context, s *cluster.Snapshot, todo plan.Plan) error {
	r := &run{Executor: ex, seen: s, plan: todo, before: map[string]api.ServiceSpec{}, existed: map[string]bool{}, networks: map[string]string{}, served: map[string]bool{}}
	for _, step := range todo.Steps {
		if step.Settings != nil {
			s.Entry(step.Service) // from here on the map is only read: steps run side by side
		}
	}
	for _, part := range parts(todo) {
		if err := r.part(ctx, part); err != nil {
			return r.failed(ctx, err)
		}
	}
	return r.tolerated
}

// tolerate keeps the failure of a step that nothing needs; the command fails with it once all else is done.
func (r *run) tolerate(s plan.Step, err error) {
	r.Warn(s.Service, "optional", "what depends on it goes on without it (required: false): %v", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tolerated = errors.Join(r.tolerated, err)
}

// step carries out one step that stands by itself.
func (r *run) step(ctx context.Context, s plan.Step) error {
	switch s.Do {
	case plan.CreateNetwork:
		return r.createNetwork(ctx, s)
	case plan.CreateSecret:
		return r.createSecret(ctx, s)
	case plan.UpdateSecret:
		return r.updateSecret(ctx, s)
	case plan.CreateConfig:
		return r.createConfig(ctx, s)
	case plan.UpdateConfig:
		return r.updateConfig(ctx, s)
	case plan.CreatePlain:
		return r.createService(ctx, s, nil)
	case plan.UpdatePlain:
		return r.updatePlain(ctx, s)
	case plan.RunJob:
		return r.runJob(ctx, s)
	case plan.SendAuth:
		return r.sendCredentials(ctx, s)
	case plan.AwaitStarted:
		return r.awaitStarted(ctx, s)
	case plan.GiveBack:
		return r.giveBack(ctx, s)
	case plan.RemoveService:
		return r.removeService(ctx, s)
	case plan.RemoveProxies:
		return r.removeProxies(ctx, s)
	case plan.RemoveColor:
		return r.removeColor(ctx, s)
	case plan.RemoveNetwork:
		return r.removeNetwork(ctx, s)
	case plan.RemoveSecret, plan.RemoveConfig:
		return r.removeVersion(ctx, s)
	case plan.StopColor:
		return r.stopColor(ctx, s)
	case plan.UpdateProxies:
		return r.updateProxies(ctx, s)
	case plan.StartColor:
		return r.startColor(ctx, s)
	case plan.ChangeColor:
		return r.changeColor(ctx, s)
	case plan.CheckPorts:
		return r.checkPorts(ctx, s)
	case plan.CreateProxies:
		return r.createProxies(ctx, s)
	case plan.Adopt:
		return r.adopt(ctx, s)
	case plan.Retire:
		return r.retire(ctx, s)
	case plan.Await:
		return r.awaitStep(ctx, s)
	}
	return fmt.Errorf("a plan has the unknown step %q", s.Do)
}

// failed ends a run that did not succeed.
func (r *run) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, traffic.ErrDrift):
		return err
	case errors.Is(context.Cause(ctx), cluster.ErrLockLost):
		return context.Cause(ctx)
	case ctx.Err() != nil:
		return &cluster.InterruptedError{Left: r.left()}
	}
	err = r.undo(ctx, err)
	if ctx.Err() != nil {
		return errors.Join(&cluster.InterruptedError{Left: r.left()}, err)
	}
	return err
}

// left says what an interruption before the flip leaves behind.
func (r *run) left() string {
	text := "traffic is where it was;"
	if len(r.served) > 0 {
		text = "traffic of " + cluster.Sentence(slices.Sorted(maps.Keys(r.served))) + " has moved to the new version;"
	}
	var names []string
	for _, s := range r.begun {
		if !r.served[s.Service] {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return text + " run `docker bluegreen up` again to finish"
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		text += fmt.Sprintf(" %s is half-way to another release;", name)
	}
	return text + " run `docker bluegreen up` again to finish, or `docker bluegreen rollback` later to return to what it held"
}

// serves notes that a service is past the point of no return.
func (r *run) serves(service string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.served[service] = true
}

func (r *run) touch(s plan.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Entry(s.Service).Colors[s.Color] != nil {
		r.existed[s.Name] = true
	}
	r.begun = append(r.begun, s)
}

func (r *run) blueGreen(name string) *cluster.BlueGreen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.Entry(name)
}

// Executor carries out plans.
type Executor struct{ *traffic.Switch }

// New returns what carries out plans and moves traffic by way of sw.
func New(sw *traffic.Switch) *Executor { return &Executor{sw} }
