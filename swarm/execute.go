package swarm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	api "github.com/docker/docker/api/types/swarm"
)

// run carries out one plan.
type run struct {
	*Executor
	seen *Observed
	plan Plan

	mu sync.Mutex
	// begun are the colors that were touched and do not serve yet; a failure puts them back.
	begun []Step
	// existed are the names of those that were there before.
	existed map[string]bool
	// networks are the ids, by name, of those that did not exist before.
	networks map[string]string
	// created are the services whose proxies did not exist before.
	created []*BlueGreen
	// before are the specs of the proxy services that were changed, by compose name.
	before map[string]api.ServiceSpec
	// served are the services that are past the point of no return: their new version takes traffic, and from
	// then on nothing of theirs is touched.
	served map[string]bool
	// tolerated are failures that are told at the end.
	tolerated error
}

// execute carries out a plan. Until the flip, a failure puts the idle colors back to what they held.
func (o *Executor) execute(ctx context.Context, s *Observed, plan Plan) error {
	r := &run{Executor: o, seen: s, plan: plan, before: map[string]api.ServiceSpec{}, existed: map[string]bool{}, networks: map[string]string{}, served: map[string]bool{}}
	for _, step := range plan.Steps {
		if step.Settings != nil {
			s.blueGreen(step.Service) // from here on the map is only read: steps run side by side
		}
	}
	for _, part := range parts(plan) {
		if err := r.part(ctx, part); err != nil {
			return r.failed(ctx, err)
		}
	}
	return r.tolerated
}

// tolerate keeps the failure of a step that nothing needs; the command fails with it once all else is done.
func (r *run) tolerate(s Step, err error) {
	r.warn(s.Service, "optional", "what depends on it goes on without it (required: false): %v", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tolerated = errors.Join(r.tolerated, err)
}

// step carries out one step that stands by itself.
func (r *run) step(ctx context.Context, s Step) error {
	switch s.Do {
	case CreateNetwork:
		return r.createNetwork(ctx, s)
	case CreateSecret:
		return r.createSecret(ctx, s)
	case UpdateSecret:
		return r.updateSecret(ctx, s)
	case CreateConfig:
		return r.createConfig(ctx, s)
	case UpdateConfig:
		return r.updateConfig(ctx, s)
	case CreatePlain:
		return r.createService(ctx, s, nil)
	case UpdatePlain:
		return r.updatePlain(ctx, s)
	case RunJob:
		return r.runJob(ctx, s)
	case SendAuth:
		return r.sendCredentials(ctx, s)
	case AwaitStarted:
		return r.awaitStarted(ctx, s)
	case GiveBack:
		return r.giveBack(ctx, s)
	case RemoveService:
		return r.removeService(ctx, s)
	case RemoveProxies:
		return r.removeProxies(ctx, s)
	case RemoveColor:
		return r.removeColor(ctx, s)
	case RemoveNetwork:
		return r.removeNetwork(ctx, s)
	case RemoveSecret, RemoveConfig:
		return r.removeVersion(ctx, s)
	case StopColor:
		return r.stopColor(ctx, s)
	case UpdateProxies:
		return r.updateProxies(ctx, s)
	case StartColor:
		return r.startColor(ctx, s)
	case ChangeColor:
		return r.changeColor(ctx, s)
	case CheckPorts:
		return r.checkPorts(ctx, s)
	case CreateProxies:
		return r.createProxies(ctx, s)
	case Adopt:
		return r.adopt(ctx, s)
	case Retire:
		return r.retire(ctx, s)
	case Await:
		return r.awaitStep(ctx, s)
	}
	return fmt.Errorf("a plan has the unknown step %q", s.Do)
}

// failed ends a run that did not succeed.
func (r *run) failed(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errDrift):
		return err
	case errors.Is(context.Cause(ctx), errLockLost):
		return context.Cause(ctx)
	case ctx.Err() != nil:
		return &InterruptedError{Left: r.left()}
	}
	err = r.undo(ctx, err)
	if ctx.Err() != nil {
		return errors.Join(&InterruptedError{Left: r.left()}, err)
	}
	return err
}

// left says what an interruption before the flip leaves behind.
func (r *run) left() string {
	text := "traffic is where it was;"
	if len(r.served) > 0 {
		text = "traffic of " + sentence(slices.Sorted(maps.Keys(r.served))) + " has moved to the new version;"
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

func (r *run) touch(s Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.blueGreen(s.Service).Colors[s.Color] != nil {
		r.existed[s.Name] = true
	}
	r.begun = append(r.begun, s)
}

func (r *run) blueGreen(name string) *BlueGreen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen.blueGreen(name)
}
