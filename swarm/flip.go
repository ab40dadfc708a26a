package swarm

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// Flip makes the idle colors active, of all services in one order. A service whose color is active already is
// left alone. It refuses, with the reason, when a color is missing, not in full number, or not ready in every proxy.
func (o *Operator) Flip(ctx context.Context, opts FlipOptions) error {
	return o.locked(ctx, "docker bluegreen flip", opts.LockTimeout, func(ctx context.Context) error {
		return o.turn(ctx, opts, o.flipTarget, false)
	})
}

// Rollback makes the colors active that were so before, whatever it takes: one that was scaled down is scaled up,
// a release that another took the place of is given back, and proxies that cannot be reached do not hinder it.
func (o *Operator) Rollback(ctx context.Context, opts FlipOptions) error {
	return o.locked(ctx, "docker bluegreen rollback", opts.LockTimeout, func(ctx context.Context) error {
		return o.turn(ctx, opts, o.rollbackTarget, true)
	})
}

// target makes a color able to take the traffic and returns it; None when there is nothing to do.
type target func(ctx context.Context, s *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, opts FlipOptions) (cluster.Color, bool, error)

// turn moves the wanted services to their targets, in one order. back goes on although an earlier flip is unconfirmed.
func (o *Operator) turn(ctx context.Context, opts FlipOptions, find target, back bool) error {
	s, err := o.tidy(ctx)
	var late *cluster.UnconfirmedError
	if back && errors.As(err, &late) {
		o.ex.Warn("", "settle", "going back all the same: %v", err)
		err = nil
	}
	if err != nil {
		return err
	}
	names, err := s.Names(opts.Services)
	if err != nil {
		return err
	}
	var moves []traffic.Move
	for _, name := range names {
		m, err := o.turnOne(ctx, s, s.BlueGreen[name], opts, find)
		if err != nil {
			return interruptedBeforeFlip(ctx, err)
		}
		if m != nil {
			moves = append(moves, *m)
		}
	}
	if len(moves) == 0 {
		return nil
	}
	if err := o.ex.Move(ctx, s, moves); err != nil {
		return interruptedBeforeFlip(ctx, err)
	}
	for _, m := range moves {
		o.ex.Done(m.Service.Name, "flip", "%s → %s: every proxy confirmed", m.From.Color, m.To.Color)
	}
	return o.afterTurn(ctx, s, moves)
}

func interruptedBeforeFlip(ctx context.Context, err error) error {
	var i *cluster.InterruptedError
	if ctx.Err() == nil || errors.As(err, &i) {
		return err
	}
	return &cluster.InterruptedError{Left: "traffic is where it was; run the same command again"}
}

func (o *Operator) turnOne(ctx context.Context, s *cluster.Snapshot, b *cluster.BlueGreen, opts FlipOptions, find target) (*traffic.Move, error) {
	route, err := b.Route()
	if err != nil {
		return nil, err
	}
	to, force, err := find(ctx, s, b, route, opts)
	if err != nil {
		return nil, err
	}
	if to == cluster.None {
		o.ex.Done(b.Name, "flip", "%s is active already", route.Color)
		return nil, nil
	}
	addrs, err := o.ex.Full(ctx, b, to)
	if err != nil {
		return nil, err
	}
	o.ex.Working(b.Name, "flip", "%s → %s", route.Color, to)
	return &traffic.Move{Service: b, From: route, To: haproxy.Route{Sequence: route.Sequence + 1, Color: string(to)}, Ready: addrs, Force: force}, nil
}

func (o *Operator) flipTarget(ctx context.Context, s *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, opts FlipOptions) (cluster.Color, bool, error) {
	to := cluster.Color(route.Color).Other()
	if opts.To != "" {
		to = cluster.Color(opts.To)
	} else if s.Finished[b.Name] {
		return cluster.None, false, nil // the flip before this one had not ended: this one is the same again
	}
	if to == cluster.Color(route.Color) {
		return cluster.None, false, nil
	}
	svc := b.Colors[to]
	if svc == nil {
		return cluster.None, false, fmt.Errorf("service %s has no %s yet: run `docker bluegreen up` with a new version", b.Name, to)
	}
	if cluster.IsStopped(svc.Spec) {
		return to, false, o.warm(ctx, s, b, to)
	}
	return to, false, nil
}

func (o *Operator) rollbackTarget(ctx context.Context, s *cluster.Snapshot, b *cluster.BlueGreen, route haproxy.Route, _ FlipOptions) (cluster.Color, bool, error) {
	to := cluster.Color(route.Color).Other()
	before, _ := strconv.Atoi(b.Proxy.Spec.Labels[cluster.LabelPrevious]) // 0: there has been no flip
	svc, saved := b.Colors[to], b.Saved[to]
	switch {
	case before == 0:
		return cluster.None, false, fmt.Errorf("service %s has nothing to go back to: there has been no flip", b.Name)
	case svc == nil:
		return cluster.None, false, fmt.Errorf("service %s cannot go back to release %d: %s was removed by hand; run `docker bluegreen up` with the file of that release",
			b.Name, before, cluster.ColorName(s.Stack, b.Name, to))
	case saved != nil && cluster.ReleaseOf(*saved) == before && cluster.ReleaseOf(svc.Spec) != before:
		text, err := o.ex.Restore(ctx, s, b, to)
		if err != nil {
			return cluster.None, false, err
		}
		o.ex.Done(b.Name, "color "+string(to), "%s", text)
	case cluster.ReleaseOf(svc.Spec) != before:
		return cluster.None, false, fmt.Errorf("service %s: release %d is gone, %s holds release %d, which was not active before: `docker bluegreen flip %s` makes it active",
			b.Name, before, svc.Spec.Name, cluster.ReleaseOf(svc.Spec), b.Name)
	}
	return to, true, o.warm(ctx, s, b, to)
}

// warm brings a color to its full number, if it is not, and waits for it.
func (o *Operator) warm(ctx context.Context, s *cluster.Snapshot, b *cluster.BlueGreen, c cluster.Color) error {
	settings, err := b.Settings()
	if err != nil {
		return err
	}
	if cluster.IsStopped(b.Colors[c].Spec) {
		svc, err := o.ex.Rewrite(ctx, b.Colors[c], func(spec *api.ServiceSpec) error {
			*spec = cluster.Started(*spec)
			return nil
		})
		if err != nil {
			return err
		}
		b.Colors[c] = svc
	}
	_, err = o.ex.Await(ctx, s, cluster.Waiting{Service: b.Name, Color: c, Step: "color " + string(c), Svc: b.Colors[c], Timeout: settings.Timeout})
	return err
}

// afterTurn carries out what is to be kept of the colors that traffic has left. Warm ones need nothing.
func (o *Operator) afterTurn(ctx context.Context, s *cluster.Snapshot, moves []traffic.Move) error {
	for _, m := range moves {
		if err := o.ex.Forget(ctx, s, m.Service, cluster.Color(m.To.Color)); err != nil {
			return err
		}
		settings, err := m.Service.Settings()
		if err != nil {
			return err
		}
		old := cluster.Color(m.From.Color)
		if settings.Keep == compose.KeepWarm || m.Service.Colors[old] == nil {
			continue
		}
		if err := o.ex.RetireColor(ctx, s, m.Service, old, settings); err != nil {
			return err
		}
	}
	return nil
}
