package plugin

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// frameTime is the time between two redraws.
const frameTime = 100 * time.Millisecond

// ttyProgress keeps a block of lines at the bottom of a terminal, one line for each step, and draws
// it anew in each frame. What has to stay is printed above the block: warnings, and texts of
// several lines.
type ttyProgress struct {
	mu     sync.Mutex
	screen *screen
	now    func() time.Time
	look   look
	title  string
	began  time.Time
	frame  int
	rows   []*row
	notes  map[cluster.Event]bool
	closed bool
	stop   chan struct{}
}

// row is one step.
type row struct {
	event cluster.Event
	began time.Time
	// took is how long the step took; nil while it goes on, and when it was over as soon as it was
	// told.
	took *time.Duration
}

func newTTYProgress(out io.Writer, size func() (height, width uint), now func() time.Time, l look, title string) *ttyProgress {
	return &ttyProgress{
		screen: &screen{out: out, size: size},
		now:    now, look: l, title: title, began: now(),
		notes: map[cluster.Event]bool{},
		stop:  make(chan struct{}),
	}
}

// start redraws until Close, so that the spinner turns and the seconds count.
func (p *ttyProgress) start() {
	go func() {
		ticker := time.NewTicker(frameTime)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.tick()
			case <-p.stop:
				return
			}
		}
	}()
}

func (p *ttyProgress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.frame++
	p.draw()
}

func (p *ttyProgress) Event(e cluster.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	e.Service, e.Step, e.Text = p.look.text(e.Service), p.look.text(e.Step), p.look.text(e.Text)
	_, width := p.screen.dimensions()
	if note := p.look.note(e, width); note != nil {
		p.note(e, note)
		return
	}
	p.update(e)
	if e.State != cluster.Working {
		p.draw()
	}
}

// note prints lines above the block, once for equal events.
func (p *ttyProgress) note(e cluster.Event, lines []string) {
	if p.notes[e] {
		return
	}
	p.notes[e] = true
	p.screen.print(lines)
	p.draw()
}

// update puts the event into the row of its step.
func (p *ttyProgress) update(e cluster.Event) {
	r := p.row(keyOf(e))
	now := p.now()
	ended := e.State == cluster.Done || e.State == cluster.Failed
	switch {
	case r == nil:
		r = &row{began: now}
		p.rows = append(p.rows, r)
	case r.event.State != cluster.Working && e.State == cluster.Working:
		r.began, r.took = now, nil // the step begins anew
	case r.event.State == cluster.Working && ended:
		took := now.Sub(r.began)
		r.took = &took
	}
	r.event = e
}

func (p *ttyProgress) row(k stepKey) *row {
	for _, r := range p.rows {
		if keyOf(r.event) == k {
			return r
		}
	}
	return nil
}

func (p *ttyProgress) draw() {
	height, width := p.screen.dimensions()
	p.screen.redraw(p.block(width, height-1))
}

// Close draws the block a last time, in full, and leaves it there.
func (p *ttyProgress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	close(p.stop)
	_, width := p.screen.dimensions()
	p.screen.redraw(p.block(width, len(p.rows)+1))
}

// block returns the lines of the block, none wider than width, and at most height of them unless it
// is drawn for the last time.
func (p *ttyProgress) block(width, height int) []string {
	if len(p.rows) == 0 {
		return nil
	}
	done := 0
	for _, r := range p.rows {
		if r.event.State == cluster.Done {
			done++
		}
	}
	head := fmt.Sprintf("[+] %s %d/%d", p.title, done, len(p.rows))
	lines := []string{p.look.line(head, seconds(p.now().Sub(p.began)), width)}
	rows := fit(p.rows, height-1)
	labels := labelWidth(rows, width)
	for _, r := range rows {
		lines = append(lines, p.rowLines(r, labels, width)...)
	}
	return lines
}

// fit chooses the rows to show where there is room for n: the oldest that are done go first.
func fit(rows []*row, n int) []*row {
	surplus := len(rows) - max(n, 1)
	var shown []*row
	for _, r := range rows {
		if surplus > 0 && r.event.State == cluster.Done {
			surplus--
			continue
		}
		shown = append(shown, r)
	}
	return shown[max(surplus, 0):]
}
