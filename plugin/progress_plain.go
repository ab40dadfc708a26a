package plugin

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// plainProgress writes a line for each change, for logs.
type plainProgress struct {
	mu   sync.Mutex
	out  io.Writer
	now  func() time.Time
	last map[stepKey]cluster.Event
	// figures is when figures were last written, by step.
	figures map[stepKey]time.Time
	watch   stopwatch
	closed  bool
}

// figuresEvery is how often a log has figures that change all the time.
const figuresEvery = 30 * time.Second

func newPlainProgress(out io.Writer, now func() time.Time) *plainProgress {
	return &plainProgress{out: out, now: now, last: map[stepKey]cluster.Event{}, figures: map[stepKey]time.Time{}, watch: stopwatch{}}
}

func (p *plainProgress) Event(e cluster.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	took, timed := p.watch.lap(e, p.now())
	if p.closed || p.last[keyOf(e)] == e {
		return
	}
	if e.Figures {
		if p.now().Sub(p.figures[keyOf(e)]) < figuresEvery {
			return
		}
		p.figures[keyOf(e)] = p.now()
	}
	p.last[keyOf(e)] = e
	line := plainLine(e)
	if timed {
		line += " (" + seconds(took) + ")"
	}
	fmt.Fprintln(p.out, line)
}

func (p *plainProgress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// plainLine says an event in one line, or in several if its text has several.
func plainLine(e cluster.Event) string {
	text := hang(printable(e.Text))
	switch {
	case e.State == cluster.Warning:
		text = "warning: " + text
	case e.State == cluster.Failed:
		text = "failed: " + text
	case text == "":
		text = string(e.State)
	}
	return strings.ReplaceAll(label(e)+": "+text, ": \n", ":\n")
}
