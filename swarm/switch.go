package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// move is the switch of one service from one route to the next.
type move struct {
	b        *BlueGreen
	from, to haproxy.Route
	// ready are the addresses that the proxies must see ready before anything is told; nil asks for nothing.
	ready []string
	// force gives the route even when some proxy does not see the color ready, or cannot be reached.
	force bool
}

// switchTraffic moves services to other colors, all in one order, and returns when every proxy has confirmed.
// Until the order is given, a failure leaves traffic where it was; after it, the proxies tell what came of it.
func (o *Switch) switchTraffic(ctx context.Context, s *Observed, moves []move) error {
	for i := range moves {
		if err := o.writeIntent(ctx, &moves[i]); err != nil {
			dctx, cancel := detached(ctx)
			defer cancel()
			return errors.Join(err, o.withdraw(dctx, moves[:i+1])) // an interruption may come right after the write
		}
	}
	heard, err := o.give(ctx, s, moves)
	if err != nil {
		return o.afterDoubt(ctx, s, moves, err)
	}
	ctx, cancel := detached(ctx) // traffic has moved: an interruption must not leave that unwritten
	defer cancel()
	return o.finish(ctx, s, moves, heard)
}

// finish writes down what the proxies were told, and sees that all of them confirm. What they did not confirm
// stays marked as unfinished, so that the same command again goes on here and does not flip once more.
func (o *Switch) finish(ctx context.Context, s *Observed, moves []move, h heard) error {
	for i := range moves {
		if err := o.writeFinal(ctx, &moves[i]); err != nil {
			return err
		}
	}
	err := o.confirm(ctx, s, moves, h)
	var late *UnconfirmedError
	if errors.As(err, &late) {
		for i := range moves {
			if merr := o.raiseIntent(ctx, &moves[i]); merr != nil {
				return errors.Join(err, merr)
			}
		}
	}
	if err != nil {
		return err
	}
	return o.unstickMoved(ctx, moves)
}

// writeIntent writes down where the flip leads, so that what a crash interrupts can be told from the label.
func (o *Switch) writeIntent(ctx context.Context, m *move) error {
	svc, err := o.rewrite(ctx, m.b.Proxy, func(spec *api.ServiceSpec) error {
		if now := spec.Labels[LabelAlias+m.b.Name]; now != m.from.String() {
			return fmt.Errorf("service %s: its route changed from %s to %s meanwhile: run the command again", m.b.Name, m.from, now)
		}
		spec.Labels[LabelNext] = m.to.String()
		return nil
	})
	if err == nil {
		m.b.Proxy = svc
	}
	return err
}

func (o *Switch) raiseIntent(ctx context.Context, m *move) error {
	svc, err := o.relabel(ctx, m.b.Proxy, map[string]string{LabelNext: m.to.String()})
	if err == nil {
		m.b.Proxy = svc
	}
	return err
}

// afterDoubt finds out what became of an order that did not end as it should have.
func (o *Switch) afterDoubt(ctx context.Context, s *Observed, moves []move, cause error) error {
	dctx, cancel := detached(ctx)
	defer cancel()
	if errors.Is(cause, errNotReady) && !errors.Is(cause, errDoubt) {
		return errors.Join(cause, o.withdraw(dctx, moves))
	}
	forward, err := o.settle(dctx, s, services(moves))
	switch {
	case err != nil:
		return errors.Join(cause, err)
	case forward && ctx.Err() != nil:
		return &InterruptedError{Left: "the flip had been given already and was completed; run the command again for what comes after it"}
	case forward:
		return nil
	}
	return cause
}

// withdraw removes the intent of moves that were not given.
func (o *Switch) withdraw(ctx context.Context, moves []move) error {
	for i := range moves {
		svc, err := o.relabel(ctx, moves[i].b.Proxy, map[string]string{LabelNext: ""})
		if err != nil {
			return err
		}
		moves[i].b.Proxy = svc
	}
	return nil
}

// writeFinal writes down that the alias points to where the proxies were told.
func (o *Switch) writeFinal(ctx context.Context, m *move) error {
	b := m.b
	labels := map[string]string{LabelAlias + b.Name: m.to.String(), LabelNext: ""}
	if old := b.Colors[Color(m.from.Color)]; old != nil && m.from.Color != m.to.Color {
		labels[LabelPrevious] = strconv.Itoa(release(old.Spec))
	}
	svc, err := o.relabel(ctx, b.Proxy, labels)
	if err != nil {
		return err
	}
	b.Proxy = svc
	return o.markServed(ctx, b, m.to)
}

// markServed notes on the color itself by which route it became active: should the proxy service be removed by
// hand, this is how the next up finds the color that served.
func (o *Switch) markServed(ctx context.Context, b *BlueGreen, r haproxy.Route) error {
	svc := b.Colors[Color(r.Color)]
	if svc == nil {
		return nil
	}
	fresh, err := o.relabel(ctx, svc, map[string]string{LabelServed: strconv.FormatUint(r.Sequence, 10)})
	if err == nil {
		b.Colors[Color(r.Color)] = fresh
	}
	return err
}

func services(moves []move) []string {
	var names []string
	for _, m := range moves {
		names = append(names, m.b.Name)
	}
	slices.Sort(names)
	return names
}
