// Package cluster is what a swarm holds of a stack: reading it, writing it, waiting for it.
package cluster

import (
	"fmt"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Parallel is how many things of one kind are done at once.
const Parallel = 8

// Cluster is one stack on one swarm.
type Cluster struct {
	Engine engine.API
	Stack  string
	// Open lets other commands come in between; nil where none may.
	Open Opener
	// Author is who the history names.
	Author Author
	emit   func(Event)

	steady *engine.Steady
	poll   *poller
}

// New returns the stack of that name on the swarm that e is a manager of. Events are given to emit,
// from several goroutines, one at a time; nil discards them.
func New(e engine.API, stack string, emit func(Event)) *Cluster {
	cl := &Cluster{Stack: stack, emit: oneAtATime(emit)}
	cl.steady = engine.NewSteady(e, cl.tellSilence)
	cl.Engine = cl.steady
	cl.poll = &poller{turns: turns{wake: make(chan struct{})}, look: cl.look}
	return cl
}

// tellSilence tells that the manager does not answer, or answers again.
func (cl *Cluster) tellSilence(err error) {
	if err == nil {
		cl.Done("", "manager", "the manager answers again")
		return
	}
	cl.Warn("", "manager", "the manager does not answer, trying again: %v", err)
}

// Fence lets every write ask first whether it may be made; see engine.Steady. nil takes the fence
// away.
func (cl *Cluster) Fence(may func() error) { cl.steady.Fence(may) }

// Unfenced is the engine without a fence.
func (cl *Cluster) Unfenced() engine.API { return cl.steady.Unfenced() }

// WithEngine returns the same stack by way of another engine, which is made of the one that cl has.
// Both share their looks and events.
func (cl *Cluster) WithEngine(wrap func(engine.API) engine.API) *Cluster {
	other := *cl
	other.Engine = wrap(cl.Engine)
	return &other
}

// Of returns another stack on the same swarm.
func (cl *Cluster) Of(stack string) *Cluster {
	other := *cl
	other.Stack = stack
	return &other
}

// Event tells what happened to a step of a service, both empty for what is about the stack.
func (cl *Cluster) Event(state State, service, step, format string, args ...any) {
	cl.emit(Event{Service: service, Step: step, State: state, Text: fmt.Sprintf(format, args...)})
}

// Working tells that a step has begun or goes on.
func (cl *Cluster) Working(service, step, format string, args ...any) {
	cl.Event(Working, service, step, format, args...)
}

// Moved tells what happened to the traffic of a service.
func (cl *Cluster) Moved(kind Kind, service, step, format string, args ...any) {
	cl.emit(Event{Service: service, Step: step, State: Done, Text: fmt.Sprintf(format, args...), Kind: kind})
}

// Receipt tells what the proxies of a service have counted.
func (cl *Cluster) Receipt(service string, r *Receipt, text string) {
	cl.emit(Event{Service: service, Step: "receipt", State: Done, Text: text, Receipt: r})
}

// Figures tells how far a step has come, by figures that change every second.
func (cl *Cluster) Figures(service, step, text string) {
	cl.emit(Event{Service: service, Step: step, State: Working, Text: text, Figures: true})
}

// Done tells that a step is done.
func (cl *Cluster) Done(service, step, format string, args ...any) {
	cl.Event(Done, service, step, format, args...)
}

// Warn tells what a person should know and what does not end the command.
func (cl *Cluster) Warn(service, step, format string, args ...any) {
	cl.Event(Warning, service, step, format, args...)
}
