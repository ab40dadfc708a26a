package cluster

import (
	"sync"
)

// State is how far the step that an event tells of has come.
type State string

// States of a step.
const (
	Working State = "working" // the step has begun or has made progress
	Done    State = "done"    // the step is complete
	Warning State = "warning" // something that the user should know; the step goes on
	Failed  State = "failed"  // the step did not succeed; an error follows
)

// Kind is what happened to the traffic of a service.
type Kind string

// Kinds of events.
const (
	Flipped  Kind = "flipped"   // all of it goes to another color
	Shared   Kind = "shared"    // a color has another share
	InState  Kind = "state"     // requests wait, are refused, or get to it again
	WentBack Kind = "went back" // the guard of a release has taken it back
)

// Event is one thing that happened while a command ran. The core emits events, commands render
// them.
type Event struct {
	// Service is the compose service that the event is about, empty for the whole stack.
	Service string `json:"service,omitempty"`
	// Step identifies the step within the service, for example "color green" or "flip".
	// Events of one step replace each other on a terminal.
	Step string `json:"step"`
	// State is how far the step has come.
	State State `json:"state"`
	// Text says it in words, for example "2 of 3 tasks ready".
	Text string `json:"text"`
	// Kind is what happened to the traffic of the service: flipped, shared, state or went back; empty
	// for all else.
	Kind Kind `json:"kind,omitempty"`
	// Figures says that the text has figures that change every second: a log need not have all of
	// them.
	Figures bool `json:"figures,omitempty"`
}

// oneAtATime makes emit safe for several goroutines; a nil emit discards.
func oneAtATime(emit func(Event)) func(Event) {
	if emit == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		emit(e)
	}
}
