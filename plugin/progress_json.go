package plugin

import (
	"io"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// line is one line of --progress json: an event and when it happened. Fields are added, never
// changed.
type line struct {
	// Time is when the event happened.
	Time time.Time `json:"time"`
	cluster.Event
	// ExitCode is only in the line of the error that ends a command. The step of that line is "exit".
	ExitCode int `json:"exit_code,omitempty"`
}

// jsonProgress writes one JSON object a line for each event, for machines.
type jsonProgress struct {
	mu     sync.Mutex
	out    io.Writer
	now    func() time.Time
	closed bool
}

func newJSONProgress(out io.Writer, now func() time.Time) *jsonProgress {
	return &jsonProgress{out: out, now: now}
}

func (p *jsonProgress) Event(e cluster.Event) { p.write(line{Event: e}) }

// fail writes the error that ends the command.
func (p *jsonProgress) fail(text string, exitCode int) {
	p.write(line{Event: cluster.Event{Step: "exit", State: cluster.Failed, Text: text}, ExitCode: exitCode})
}

func (p *jsonProgress) write(l line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	l.Time = p.now().UTC()
	// An event can always be encoded, and nobody is left to be told that stderr cannot be written.
	_ = writeJSONLine(p.out, l)
}

func (p *jsonProgress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}
