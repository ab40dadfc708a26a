package execute

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// flip moves all services of the plan in one order. It is the point of no return.
func (r *run) flip(ctx context.Context, steps []plan.Step) error {
	var moves []traffic.Move
	for _, s := range steps {
		b := r.blueGreen(s.Service)
		if s.Force { // tasks that are just replaced must not hinder the way back
			if err := r.awaitColor(ctx, b, s); err != nil {
				return err
			}
		}
		addrs, err := r.full(ctx, b, s.Color)
		if err != nil {
			return err
		}
		moves = append(moves, traffic.Move{Service: b, From: s.From, To: s.To, Ready: addrs, Force: s.Force,
			Rollback: r.plan.Command == plan.Rollback})
		r.Working(s.Service, "flip", "%s → %s", s.From.Color, s.Color)
	}
	err := r.Move(ctx, r.known, moves)
	var late *cluster.UnconfirmedError
	var interrupted *cluster.InterruptedError
	var moved *traffic.MayHaveMovedError
	var partly *traffic.PartlyMovedError
	if errors.As(err, &partly) {
		for _, name := range partly.Moved {
			r.serves(name)
		}
		return r.partlyMoved(partly)
	}
	if err == nil || errors.As(err, &late) || errors.As(err, &interrupted) || errors.As(err, &moved) {
		for _, s := range steps {
			r.serves(s.Service)
		}
	}
	var lacks *traffic.NotReadyError
	lacking := steps[0]
	if errors.As(err, &lacks) {
		for _, s := range slices.Backward(steps) {
			if slices.Contains(lacks.Services, s.Service) {
				lacking = s
			}
		}
	}
	switch {
	case lacks != nil && r.plan.Command == plan.Up:
		return &cluster.UnhealthyError{Service: lacking.Service, Color: string(lacking.Color), Cause: err.Error()}
	case lacks != nil && r.plan.Command == plan.Rollback:
		return fmt.Errorf("%w\ntraffic is where it was: a rollback does not wait for proxies that cannot be reached, but it sends no traffic to tasks that do not answer: see `docker service logs %s`",
			err, r.blueGreen(lacking.Service).Colors[lacking.Color].Spec.Name)
	case err != nil:
		return err
	}
	for _, s := range steps {
		if r.plan.Command == plan.Up {
			r.Done(s.Service, "flip", "%s is active: every proxy confirmed", s.Color)
		} else {
			r.Done(s.Service, "flip", "%s → %s: every proxy confirmed", s.From.Color, s.Color)
		}
	}
	for _, s := range steps {
		if err := r.Forget(ctx, r.known, r.blueGreen(s.Service), s.Color); err != nil {
			return err
		}
	}
	return nil
}

// partlyMoved says how to go on with the services that did not move: the same flip or rollback
// again would move the others back.
func (r *run) partlyMoved(e *traffic.PartlyMovedError) error {
	if r.plan.Command == plan.Up {
		return fmt.Errorf("%w: run `docker bluegreen up` again", e)
	}
	return fmt.Errorf("%w: run `docker bluegreen %s %s`", e, r.plan.Command, strings.Join(e.Left, " "))
}

// full returns the addresses of a color's tasks when all of them run; else it says what is missing.
func (ex *Executor) full(ctx context.Context, b *cluster.BlueGreen, c cluster.Color) ([]string, error) {
	svc := b.Colors[c]
	tasks, err := ex.Now().CurrentTasks(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	running, want := cluster.RunningTasks(tasks), cluster.WantedTasks(svc.Spec, tasks)
	if len(running) < want || want == 0 {
		return nil, fmt.Errorf("service %s: %s is not ready: %d of %d tasks of %s run: see `docker service ps %s`, or run `docker bluegreen rollback %s`, which repairs it first",
			b.Name, c, len(running), want, svc.Spec.Name, svc.Spec.Name, b.Name)
	}
	return cluster.TaskAddresses(running, cluster.ServingNetwork(svc.Spec, cluster.ServersAlias(ex.Stack, b.Name, c))), nil
}
