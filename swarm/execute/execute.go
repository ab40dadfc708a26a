package execute

import (
	"context"
	"errors"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/errgroup"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// functions carry out steps, each a step that stands by itself. Flips and shares are not among
// them: several go in one order.
var functions = map[plan.Action]func(*run, context.Context, plan.Step) error{
	plan.CreateNetwork: (*run).createNetwork,
	plan.CreateSecret:  (*run).createSecret,
	plan.UpdateSecret:  (*run).updateSecret,
	plan.CreateConfig:  (*run).createConfig,
	plan.UpdateConfig:  (*run).updateConfig,
	plan.CreatePlain:   (*run).createPlain,
	plan.UpdatePlain:   (*run).updatePlain,
	plan.RunJob:        (*run).runJob,
	plan.SendAuth:      (*run).sendCredentials,
	plan.AwaitStarted:  (*run).awaitStarted,
	plan.GiveBack:      (*run).giveBack,
	plan.RemoveService: (*run).removeService,
	plan.RemoveProxies: (*run).removeProxies,
	plan.RemoveColor:   (*run).removeColor,
	plan.RemoveNetwork: (*run).removeNetwork,
	plan.RemoveSecret:  (*run).removeVersion,
	plan.RemoveConfig:  (*run).removeVersion,
	plan.StopColor:     (*run).stopColor,
	plan.UpdateProxies: (*run).updateProxies,
	plan.StartColor:    (*run).startColor,
	plan.ChangeColor:   (*run).changeColor,
	plan.RestoreColor:  (*run).restoreColor,
	plan.WarmColor:     (*run).warmColor,
	plan.MarkColor:     (*run).markColor,
	plan.Remove:        (*run).removeOfStack,
	plan.AwaitRemoved:  (*run).awaitStackGone,
	plan.CheckPorts:    (*run).checkPorts,
	plan.RunTest:       (*run).runTest,
	plan.Verify:        (*run).runTest,
	plan.CreateProxies: (*run).createProxies,
	plan.Adopt:         (*run).adopt,
	plan.Retire:        (*run).retire,
	plan.Await:         (*run).awaitStep,
}

// Execute carries out a plan. Until the flip, a failure puts the idle colors back to what they
// held.
func (ex *Executor) Execute(ctx context.Context, seen *cluster.Snapshot, todo plan.Plan) error {
	r := &run{Executor: ex, known: cluster.NewRecord(seen), plan: todo, before: map[string]api.ServiceSpec{}, existed: map[string]bool{}, networks: map[string]string{}, served: map[string]bool{},
		alone: map[string]string{}, emptied: map[string]clearance{}, turns: newTurns()}
	for _, part := range parts(todo) {
		if err := r.part(ctx, part); err != nil {
			return r.failed(ctx, err)
		}
	}
	return r.tolerated
}

// part carries out units, each after those that it has to wait for. The first failure ends waits
// that go on beside, and nothing more is begun; but traffic that is just moving is not left
// half-way.
func (r *run) part(ctx context.Context, list []unit) error {
	g, gctx := errgroup.WithContext(ctx)
	done := make([]chan struct{}, len(list))
	for i := range done {
		done[i] = make(chan struct{})
	}
	changing, waiting := make(chan struct{}, cluster.Parallel), make(chan struct{}, waits)
	for i, u := range list {
		g.Go(func() error {
			for _, a := range u.after {
				if !await(gctx, done[a]) {
					return gctx.Err()
				}
			}
			places := waiting
			if u.steps[0].Do.Traits().Quick {
				places = changing
			}
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
			case <-gctx.Done():
				return gctx.Err()
			}
			uctx := gctx
			if u.steps[0].Do.Traits().MovesTraffic {
				uctx = ctx
			}
			if err := r.begins(uctx); err != nil {
				return err
			}
			err := r.unit(uctx, u)
			r.ends(uctx, err)
			if err == nil {
				close(done[i])
			}
			return err
		})
	}
	return g.Wait()
}

// unit carries out a step, or the flips of one order.
func (r *run) unit(ctx context.Context, u unit) error {
	if u.steps[0].Do.Ordered() {
		return r.move(ctx, u.steps)
	}
	s := u.steps[0]
	do := functions[s.Do]
	if do == nil {
		return fmt.Errorf("a plan has the unknown step %q", s.Do)
	}
	err := do(r, ctx, s)
	var failed *cluster.UnhealthyError
	if s.Optional && errors.As(err, &failed) {
		r.tolerate(s, err)
		return nil
	}
	return err
}

// failed ends a run that did not succeed.
func (r *run) failed(ctx context.Context, err error) error {
	if u := r.unverified; u != nil && !errors.Is(err, u) { // another step failed first
		err = errors.Join(u, err)
	}
	switch {
	case errors.Is(err, traffic.ErrDrift):
		return err
	case errors.Is(context.Cause(ctx), cluster.ErrLockLost):
		return context.Cause(ctx)
	case ctx.Err() != nil:
		return &cluster.InterruptedError{Left: r.left()}
	}
	err = r.undo(ctx, err)
	switch {
	case errors.Is(context.Cause(ctx), cluster.ErrLockLost):
		return context.Cause(ctx)
	case ctx.Err() != nil:
		return errors.Join(&cluster.InterruptedError{Left: r.left()}, err)
	}
	return err
}
