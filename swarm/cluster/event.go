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
	// Receipt is what the proxies of the service have counted while the command worked; absent in all
	// other events.
	Receipt *Receipt `json:"receipt,omitempty"`
}

// Receipt is what the proxies of a service have counted while a command worked: from when it asked
// each of them first until it asked it last.
type Receipt struct {
	// Colors are keyed by color.
	Colors map[string]ReceiptColor `json:"colors"`
	// Held counts the requests that waited in a pause.
	Held int `json:"held"`
	// Slowest is how long the slowest request took, in ms; absent if a slower one came before the
	// command, since proxies only know the slowest of all.
	Slowest *int64 `json:"slowest_ms,omitempty"`
	// Proxies are those that were asked, by name.
	Proxies []ReceiptProxy `json:"proxies"`
}

// ReceiptColor is what was counted of a color.
type ReceiptColor struct {
	// Requests counts requests, or connections of mode tcp.
	Requests int `json:"requests"`
	// Failed counts those that were answered with 5xx, cut off, or could not be sent.
	Failed int `json:"failed"`
}

// ReceiptProxy is what one proxy has counted.
type ReceiptProxy struct {
	// Task is the task of the proxy.
	Task string `json:"task"`
	// Node is the host name of its node.
	Node string `json:"node"`
	// Told is when it had confirmed the route, in ms after the first proxy was told; absent if it had
	// the route already.
	Told *float64 `json:"confirmed_ms,omitempty"`
	// Requests counts those to both colors.
	Requests int `json:"requests"`
	// Failed counts those of both colors that failed.
	Failed int `json:"failed"`
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
