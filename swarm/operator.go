package swarm

import (
	"context"
	"fmt"
	"sync"
)

// Operator changes one stack on one swarm. It is used for one command at a time.
type Operator struct{ *Executor }

// Executor carries out plans.
type Executor struct{ *Switch }

// Switch gives orders to proxies.
type Switch struct{ *Cluster }

// Cluster is one stack on one swarm.
type Cluster struct {
	engine Engine
	stack  string
	emit   func(Event)

	mu   sync.Mutex
	next chan struct{} // closed at the next event of the swarm
}

// New returns an operator for the stack of that name on the swarm that e is a manager of.
// Events are given to emit, from several goroutines, one at a time; nil discards them.
func New(e Engine, stack string, emit func(Event)) *Operator {
	return &Operator{&Executor{&Switch{newCluster(e, stack, emit)}}}
}

func newCluster(e Engine, stack string, emit func(Event)) *Cluster {
	return &Cluster{engine: wholeWrites{e}, stack: stack, emit: oneAtATime(emit), next: make(chan struct{})}
}

// cleanupTime is how long we go on after an interruption, to leave things in a state that can be told.
const cleanupTime = confirmTime + orderStart

// detached returns a context that outlives the interruption of ctx, but not for ever.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

func (o *Cluster) event(state State, service, step, format string, args ...any) {
	o.emit(Event{Service: service, Step: step, State: state, Text: fmt.Sprintf(format, args...)})
}

func (o *Cluster) working(service, step, format string, args ...any) {
	o.event(Working, service, step, format, args...)
}

func (o *Cluster) done(service, step, format string, args ...any) {
	o.event(Done, service, step, format, args...)
}

func (o *Cluster) warn(service, step, format string, args ...any) {
	o.event(Warning, service, step, format, args...)
}
