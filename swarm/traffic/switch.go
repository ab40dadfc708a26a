// Package traffic moves traffic: orders to the proxies, and their answers.
package traffic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// Switch gives orders to proxies.
type Switch struct {
	*cluster.Cluster
	receipts *receipts
}

// New returns what gives orders to the proxies of the stack of cl.
func New(cl *cluster.Cluster) *Switch { return &Switch{cl, newReceipts()} }

// cleanupTime is how long we go on after an interruption, to leave things in a state that can be
// told.
const cleanupTime = confirmTime + orderStart + time.Minute // no leader for a while

// Detached returns a context that outlives the interruption of ctx, but not for ever.
func Detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

// Move is the switch of one service from one route to the next.
type Move struct {
	Service  *cluster.BlueGreen
	From, To haproxy.Route
	// Ready are the addresses that the proxies must see ready before anything is told; nil asks for
	// nothing.
	Ready []string
	// Force gives the route even when some proxy cannot be reached. One that can be, and does not
	// see the color ready, still hinders it.
	Force bool
	// Reason is why a guard has made the route To.
	Reason string
	// Cause is why a rollback takes traffic back, for the history.
	Cause string
	// resumed says that an earlier command began the move.
	resumed bool
	// Rollback says that a rollback began the move: should it not end, the next rollback finishes
	// it and goes no further.
	Rollback bool
}

// weighs says whether the move changes no more than the share of the other color.
func (m *Move) weighs() bool { return m.From.Color == m.To.Color }

// gets is the color that the move brings traffic to.
func (m *Move) gets() cluster.Color {
	if c := cluster.Color(m.To.Color); !m.weighs() || m.To.Share == 0 {
		return c
	}
	return cluster.Color(m.To.Color).Other()
}

// Standing is the move that leaves a service where the route that is written down leads.
func Standing(b *cluster.BlueGreen) (Move, error) {
	route, err := b.Route()
	return Move{Service: b, From: route, To: route}, err
}

// color is the service of the color that the move leads to, nil for none.
func (m *Move) color() *api.Service { return m.Service.Colors[cluster.Color(m.To.Color)] }

// intent is the label that tells where the move leads.
func (m *Move) intent() string {
	switch {
	case m.Rollback:
		return m.To.String() + cluster.ByRollback
	case m.weighs():
		return m.To.String() + cluster.ByShare
	}
	return m.To.String()
}

// Move moves services to other colors, all in one order, and returns when every proxy has
// confirmed. Until the order is given, a failure leaves traffic where it was; after it, the proxies
// tell what came of it.
func (sw *Switch) Move(ctx context.Context, rec *cluster.Record, moves []Move) error {
	for i := range moves {
		if err := sw.writeIntent(ctx, &moves[i]); err != nil {
			dctx, cancel := Detached(ctx)
			defer cancel()
			return errors.Join(err, sw.withdraw(dctx, moves[:i+1])) // an interruption may come right after the write
		}
	}
	heard, err := sw.give(ctx, rec, moves)
	if err != nil {
		return sw.afterDoubt(ctx, rec, moves, err)
	}
	ctx, cancel := Detached(ctx) // traffic has moved: an interruption must not leave that unwritten
	defer cancel()
	return mayHaveMoved(sw.finish(ctx, rec, moves, heard))
}

// MayHaveMovedError says that a move did not end as it should have, and that proxies may follow it
// all the same. Until they have been asked, nothing that they may send to can be stopped.
type MayHaveMovedError struct{ Err error }

func (e *MayHaveMovedError) Error() string {
	return e.Err.Error() + "\ntraffic may have moved: nothing was stopped. Run the same command again: it asks the proxies first"
}

func (e *MayHaveMovedError) Unwrap() error { return e.Err }

// mayHaveMoved wraps an error that does not say so itself; nil stays nil.
func mayHaveMoved(err error) error {
	var late *cluster.UnconfirmedError
	if err == nil || errors.As(err, &late) {
		return err
	}
	return &MayHaveMovedError{err}
}

// finish writes down what the proxies were told, and sees that all of them confirm. Until they
// have, the moves count as unfinished: the same command again goes on here, and does not flip once
// more.
func (sw *Switch) finish(ctx context.Context, rec *cluster.Record, moves []Move, h Heard) error {
	for i := range moves {
		if err := sw.writeRoute(ctx, &moves[i]); err != nil {
			return err
		}
	}
	if err := sw.Confirm(ctx, rec, moves, h); err != nil {
		return err
	}
	var past []cluster.Past
	for i := range moves {
		for _, p := range moves[i].past() {
			sw.receipts.move(p.Service)
			if r := sw.receipts.of(p.Service); r != nil && p.What != cluster.TakenBack && !p.Missing {
				p.Receipt = inWords(r)
			}
			past = append(past, p)
		}
	}
	sw.WriteHistory(ctx, rec, past...)
	return sw.end(ctx, moves)
}

// end removes the marks of moves that every proxy has confirmed, and gives new tasks to slots that
// got stuck by their writes. A mark goes with the very last write: should that fail, the next
// command asks the proxies once more.
func (sw *Switch) end(ctx context.Context, moves []Move) error {
	var ids []string
	for _, m := range moves {
		ids = append(ids, m.Service.Proxy.ID)
		if color := m.color(); color != nil {
			ids = append(ids, color.ID)
		}
	}
	tasks, err := sw.Now().Tasks(ctx, ids...)
	if err != nil {
		return err
	}
	for _, m := range moves {
		if color := m.color(); color != nil {
			fresh, err := sw.UnstickWith(ctx, color, tasks[color.ID], nil)
			if err != nil {
				return err
			}
			m.Service.Colors[cluster.Color(m.To.Color)] = fresh
		}
	}
	for _, m := range moves {
		b := m.Service
		fresh, err := sw.persist(ctx, func() (*api.Service, error) { return sw.unmark(ctx, b.Proxy, tasks[b.Proxy.ID]) })
		switch {
		case err != nil && (!errors.As(err, new(*engine.DoubtError)) || sw.marked(ctx, b)):
			return err
		case err != nil: // every proxy has confirmed: who ran the same command again would move once more
			sw.Warn(b.Name, "flip", "every proxy confirmed, but the end of the flip may be missing in the labels; the next command adds it: %v", err)
			continue
		}
		b.Proxy = fresh
	}
	return nil
}

// marked says whether the mark of a move is surely there.
func (sw *Switch) marked(ctx context.Context, b *cluster.BlueGreen) bool {
	now, err := sw.Inspect(ctx, b.Proxy.ID)
	return err == nil && now.Spec.Labels[cluster.LabelNext] != "" && now.Spec.Labels[cluster.LabelNext] == b.Proxy.Spec.Labels[cluster.LabelNext]
}

// unmark removes the mark of a move. An answer that only could not be read is no failure: the mark
// is gone, so the same command again would be a move of its own.
func (sw *Switch) unmark(ctx context.Context, proxy *api.Service, tasks []api.Task) (*api.Service, error) {
	next := proxy.Spec.Labels[cluster.LabelNext]
	if next == "" {
		return sw.UnstickWith(ctx, proxy, tasks, nil)
	}
	remove := func(spec *api.ServiceSpec) {
		if spec.Labels[cluster.LabelNext] == next { // else another command has begun a move
			delete(spec.Labels, cluster.LabelNext)
		}
	}
	fresh, err := sw.UnstickWith(ctx, proxy, tasks, remove)
	var unread *cluster.UnreadError
	if !errors.As(err, &unread) {
		return fresh, err
	}
	written := *proxy
	written.Spec = cluster.Clone(written.Spec)
	remove(&written.Spec)
	return &written, nil
}

// writeIntent writes down where the flip leads, so that what a crash interrupts can be told from
// the label.
func (sw *Switch) writeIntent(ctx context.Context, m *Move) error {
	svc, err := sw.Rewrite(ctx, m.Service.Proxy, func(spec *api.ServiceSpec) error {
		if now := spec.Labels[cluster.LabelAlias+m.Service.Name]; now != m.From.String() {
			return fmt.Errorf("service %s: its route changed from %s to %s meanwhile: run the command again", m.Service.Name, m.From, now)
		}
		spec.Labels[cluster.LabelNext] = m.intent()
		return nil
	})
	if err == nil {
		m.Service.Proxy = svc
	}
	return err
}

func (sw *Switch) raiseIntent(ctx context.Context, m *Move) error {
	svc, err := sw.Relabel(ctx, m.Service.Proxy, map[string]string{cluster.LabelNext: m.intent()})
	if err == nil {
		m.Service.Proxy = svc
	}
	return err
}

// afterDoubt finds out what became of an order that did not end as it should have.
func (sw *Switch) afterDoubt(ctx context.Context, rec *cluster.Record, moves []Move, cause error) error {
	dctx, cancel := Detached(ctx)
	defer cancel()
	if errors.Is(cause, ErrNotReady) && !errors.Is(cause, errDoubt) {
		return errors.Join(cause, sw.withdraw(dctx, moves))
	}
	sends, err := sw.Settle(dctx, rec, services(moves))
	if err != nil {
		return mayHaveMoved(errors.Join(cause, err))
	}
	var moved, left, back []string
	for _, m := range moves {
		now := sends[m.Service.Name]
		if now.Tripped && now.Sequence > m.To.Sequence {
			back = append(back, m.Service.Name)
		}
		if now.Color == m.To.Color && now.Share == m.To.Share && now.State == m.To.State && now.Guard.On == m.To.Guard.On {
			moved = append(moved, m.Service.Name)
		} else {
			left = append(left, m.Service.Name)
		}
	}
	cause = withTrips(cause, back)
	switch {
	case len(moved) == 0:
		return cause
	case len(left) > 0:
		return &PartlyMovedError{Moved: moved, Left: left, Err: cause}
	case ctx.Err() != nil:
		return &cluster.InterruptedError{Left: "the order was already given, so the flip was completed; run the command again for the remaining steps"}
	}
	return nil
}

// withTrips says in an error which services a guard has taken the traffic back of, beside those
// that it names already: what it says may be older.
func withTrips(cause error, services []string) error {
	var back *WentBackError
	switch {
	case len(services) == 0:
		return cause
	case !errors.As(cause, &back):
		return errors.Join(cause, &WentBackError{services})
	}
	all := append(slices.Clone(services), back.Services...)
	slices.Sort(all)
	return &WentBackError{slices.Compact(all)}
}

// PartlyMovedError says that of the services of one order only some have moved: all of their
// proxies have confirmed the new route, and those of the others the former one.
type PartlyMovedError struct {
	Moved, Left []string
	Err         error
}

func (e *PartlyMovedError) Error() string {
	return fmt.Sprintf("%v\ntraffic of %s has moved, and that of %s has not", e.Err, cluster.Sentence(e.Moved), cluster.Sentence(e.Left))
}

func (e *PartlyMovedError) Unwrap() error { return e.Err }

// withdraw removes the intent of moves that were not given.
func (sw *Switch) withdraw(ctx context.Context, moves []Move) error {
	for i := range moves {
		svc, err := sw.Relabel(ctx, moves[i].Service.Proxy, map[string]string{cluster.LabelNext: ""})
		if err != nil {
			return err
		}
		moves[i].Service.Proxy = svc
	}
	return nil
}

// writeRoute writes down that the alias points to where the proxies were told.
func (sw *Switch) writeRoute(ctx context.Context, m *Move) error {
	b := m.Service
	labels := map[string]string{cluster.LabelAlias + b.Name: m.To.String(), cluster.LabelTripped: m.reason()}
	if old := b.Colors[cluster.Color(m.From.Color)]; old != nil && m.From.Color != m.To.Color {
		labels[cluster.LabelPrevious] = strconv.Itoa(cluster.ReleaseOf(old.Spec))
	}
	if idle := cluster.Color(m.To.Color).Other(); m.To.Tripped && b.Colors[idle] != nil {
		fresh, err := sw.relabel(ctx, b.Colors[idle], map[string]string{cluster.LabelWaiting: ""}) // no promote brings it again
		if err != nil {
			return err
		}
		b.Colors[idle] = fresh
	}
	// The color first: as long as the route is not written the move counts as unfinished, and the
	// next command asks the proxies.
	if err := sw.MarkServed(ctx, b, m.To); err != nil {
		return err
	}
	svc, err := sw.relabel(ctx, b.Proxy, labels)
	if err == nil {
		b.Proxy = svc
	}
	return err
}

// reason is what LabelTripped says once the move is written down; empty where no guard made the
// route.
func (m *Move) reason() string {
	if !m.To.Tripped {
		return ""
	}
	return cmp.Or(m.Reason, m.Service.Proxy.Spec.Labels[cluster.LabelTripped], "the proxies do not say why any more")
}

// relabelTries is how often labels are written that must follow what the proxies do already. To
// write them again is safe.
const relabelTries = 3

func (sw *Switch) relabel(ctx context.Context, svc *api.Service, labels map[string]string) (*api.Service, error) {
	return sw.persist(ctx, func() (*api.Service, error) { return sw.Relabel(ctx, svc, labels) })
}

// persist tries a write of labels again that failed.
func (sw *Switch) persist(ctx context.Context, write func() (*api.Service, error)) (*api.Service, error) {
	for try := 1; ; try++ {
		fresh, err := write()
		// Another try of a write in doubt would hide that it may have been carried out.
		if err == nil || try == relabelTries || errors.As(err, new(*engine.DoubtError)) || !sw.Pause(ctx) {
			return fresh, err
		}
	}
}

// MarkServed notes on the color itself by which route it became active: should the proxy service be
// removed by hand, this is how the next up finds the color that served.
func (sw *Switch) MarkServed(ctx context.Context, b *cluster.BlueGreen, r haproxy.Route) error {
	svc := b.Colors[cluster.Color(r.Color)]
	if svc == nil {
		return nil
	}
	fresh, err := sw.relabel(ctx, svc, map[string]string{cluster.LabelServed: strconv.FormatUint(r.Sequence, 10), cluster.LabelWithdrawn: ""})
	if err == nil {
		b.Colors[cluster.Color(r.Color)] = fresh
	}
	return err
}

func services(moves []Move) []string {
	var names []string
	for _, m := range moves {
		names = append(names, m.Service.Name)
	}
	slices.Sort(names)
	return names
}
