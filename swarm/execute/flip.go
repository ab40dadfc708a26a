package execute

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// move gives the traffic of all these steps to other colors, or other shares of it, in one order.
// It is the point of no return.
func (r *run) move(ctx context.Context, steps []plan.Step) error {
	var moves []traffic.Move
	for _, s := range steps {
		m, err := r.moveOf(ctx, s)
		if err != nil {
			return err
		}
		moves = append(moves, m)
	}
	group(steps, moves)
	err := r.Move(ctx, r.known, moves)
	var late *cluster.UnconfirmedError
	var interrupted *cluster.InterruptedError
	var moved *traffic.MayHaveMovedError
	var partly *traffic.PartlyMovedError
	var back *traffic.WentBackError
	if errors.As(err, &partly) {
		for _, name := range partly.Moved {
			r.serves(name)
		}
	}
	switch {
	case errors.As(err, &moved):
	case errors.As(err, &back):
		return r.together(ctx, moves, back, partly)
	case partly != nil:
		return r.partlyMoved(partly)
	}
	if err == nil || errors.As(err, &late) || errors.As(err, &interrupted) || errors.As(err, &moved) {
		for _, s := range steps {
			if s.EndsGuard || s.Do == plan.SetState {
				continue
			}
			if s.Do == plan.Share && s.To.Share == 0 { // what comes after it may still fail and be undone
				r.leaves(s)
				continue
			}
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
	r.tellMoved(steps)
	for _, s := range steps {
		if s.Do != plan.Flip {
			continue
		}
		if err := r.Forget(ctx, r.known, r.blueGreen(s.Service), s.Color); err != nil {
			return err
		}
	}
	return nil
}

// tellMoved tells of moves that every proxy has confirmed.
func (r *run) tellMoved(steps []plan.Step) {
	for _, s := range steps {
		switch {
		case s.Do == plan.SetState:
			r.Moved(cluster.InState, s.Service, "state", "%s: every proxy confirmed", plan.InWords(s.To.State))
		case s.Reason != "":
			r.Moved(cluster.WentBack, s.Service, "guard", "%s has the traffic again: %s", s.To.Color, s.Reason)
		case s.EndsGuard:
			r.Done(s.Service, "guard", "the proxies do not watch %s any more", s.Color)
		case s.Do == plan.Share:
			r.Moved(cluster.Shared, s.Service, "share", "%s gets %d %% of the traffic: every proxy confirmed", s.Color, s.To.Share)
		case r.plan.Command == plan.Up:
			r.Moved(cluster.Flipped, s.Service, "flip", "%s is active: every proxy confirmed", s.Color)
		default:
			r.Moved(cluster.Flipped, s.Service, "flip", "%s → %s: every proxy confirmed", s.From.Color, s.Color)
		}
	}
}

// moveOf is the move of a step: its color must run in full, but where it is to get nothing. A step
// after another one of the same service begins where that one has led.
func (r *run) moveOf(ctx context.Context, s plan.Step) (traffic.Move, error) {
	b := r.blueGreen(s.Service)
	m := traffic.Move{Service: b, From: s.From, To: s.To, Force: s.Force, Rollback: r.plan.Command == plan.Rollback, Cause: r.plan.Cause, Reason: s.Reason}
	if s.Guarded {
		m.To.Guard = haproxy.Guard{On: true}
		if s.Do == plan.Flip {
			m.To.Guard.Until = time.Now().Add(s.Settings.Guard.Bake).Unix()
		}
	}
	var err error
	if slices.ContainsFunc(r.plan.Steps, func(o plan.Step) bool { return s.Do == plan.Flip && o.Do == plan.Share && o.Service == s.Service }) {
		if m.From, err = b.Route(); err != nil {
			return m, err
		}
		m.To.Sequence = m.From.Next()
	}
	if s.Force || s.Waits { // tasks that are just replaced must not hinder the way back
		if err := r.awaitColor(ctx, b, s); err != nil {
			return m, err
		}
	}
	if s.Do == plan.Flip || s.Do == plan.Share && s.To.Share > 0 && !s.EndsGuard {
		m.Ready, err = r.full(ctx, b, s.Color)
		if errors.As(err, new(shortError)) && s.Waits {
			err = &cluster.UnhealthyError{Service: s.Service, Color: string(s.Color), Cause: err.Error()}
		}
		if err != nil {
			return m, err
		}
	}
	switch {
	case s.Do == plan.SetState:
		r.Working(s.Service, "state", "%s", s.Cause)
	case s.EndsGuard:
		r.Working(s.Service, "guard", "its guard ends")
	case s.Do == plan.Share:
		r.Working(s.Service, "share", "%s: %d %% → %d %%", s.Color, s.From.Share, s.To.Share)
	default:
		r.Working(s.Service, "flip", "%s → %s", s.From.Color, s.Color)
	}
	return m, nil
}

// group says of watched services that go in one order that they go back together.
func group(steps []plan.Step, moves []traffic.Move) {
	hash, n := sha256.New(), 0
	for i, s := range steps {
		if s.Guarded {
			fmt.Fprintf(hash, "%s %d\n", s.Service, moves[i].To.Sequence)
			n++
		}
	}
	for i, s := range steps {
		if s.Guarded && n > 1 {
			moves[i].To.Guard.Group = hex.EncodeToString(hash.Sum(nil))[:6]
		}
	}
}

// partlyMoved says how to go on with the services that did not move: the same flip or rollback
// again would move the others back.
func (r *run) partlyMoved(e *traffic.PartlyMovedError) error {
	if r.plan.Command == plan.Up {
		return fmt.Errorf("%w: run `docker bluegreen up` again", e)
	}
	command := string(r.plan.Command)
	if r.plan.Command == plan.Canary {
		i := slices.IndexFunc(r.plan.Steps, func(s plan.Step) bool { return s.Do == plan.Share })
		command += fmt.Sprintf(" %d", r.plan.Steps[i].To.Share)
	}
	if r.plan.Command == plan.Pause {
		i := slices.IndexFunc(r.plan.Steps, func(s plan.Step) bool { return s.Do == plan.SetState })
		command += fmt.Sprintf(" --max %ds", r.plan.Steps[i].To.State.Seconds)
	}
	return fmt.Errorf("%w: run `docker bluegreen %s %s`", e, command, strings.Join(e.Left, " "))
}

// shortError says that not all tasks of a color run.
type shortError string

func (e shortError) Error() string { return string(e) }

// full returns the addresses of a color's tasks when all of them run; else it says what is missing.
func (ex *Executor) full(ctx context.Context, b *cluster.BlueGreen, c cluster.Color) ([]string, error) {
	svc := b.Colors[c]
	tasks, err := ex.Now().CurrentTasks(ctx, svc.ID)
	if err != nil {
		return nil, err
	}
	running, want := cluster.RunningTasks(tasks), cluster.WantedTasks(svc.Spec, tasks)
	if len(running) < want || want == 0 {
		return nil, shortError(fmt.Sprintf("service %s: %s is not ready: %d of %d tasks of %s run: see `docker service ps %s`, or run `docker bluegreen rollback %s`, which repairs it first",
			b.Name, c, len(running), want, svc.Spec.Name, svc.Spec.Name, b.Name))
	}
	return cluster.TaskAddresses(running, cluster.ServingNetwork(svc.Spec, cluster.ServersAlias(ex.Stack, b.Name, c))), nil
}
