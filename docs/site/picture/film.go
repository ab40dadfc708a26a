package main

import (
	"errors"
	"image/color"
	"maps"
	"slices"
	"strings"
	"time"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
)

// between is the shortest time between two frames.
const between = 250 * time.Millisecond

// ending is how long the last frame stays before the film begins again.
const ending = 5 * time.Second

// film is a recording as frames.
type film struct {
	columns, rows int
	versions      []string // that answered, in order
	frames        []frame
	length        time.Duration
}

// frame is what stands on the screen from a time on.
type frame struct {
	at     time.Duration // since the first frame
	lines  []string      // of the terminal, as the inside of a <text>
	counts map[string]int
	active map[string]bool // versions that have answered since the frame before
}

// play lets a terminal show the recording.
func play(c *cast) (*film, error) {
	f := &film{columns: c.Width, rows: c.Height}
	versions := map[string]bool{}
	for _, e := range c.events {
		for v := range e.counts {
			versions[v] = v != "failed"
		}
	}
	delete(versions, "failed")
	f.versions = slices.Sorted(maps.Keys(versions))
	if len(c.events) == 0 || len(f.versions) == 0 {
		return nil, errors.New("it shows no traffic")
	}
	terminal := vt.NewEmulator(c.Width, c.Height)
	defer terminal.Close()
	var counts map[string]int
	began := c.events[0].at
	due := began
	for i, e := range c.events {
		if e.counts != nil {
			counts = e.counts
		} else if _, err := terminal.WriteString(e.output); err != nil {
			return nil, err
		}
		if last := i == len(c.events)-1; e.at >= due || last {
			f.add(e.at-began, terminal, counts)
			due = e.at + between
		}
	}
	f.length = f.frames[len(f.frames)-1].at + ending
	return f, nil
}

func (f *film) add(at time.Duration, terminal *vt.Emulator, counts map[string]int) {
	fr := frame{at: at, counts: counts, active: map[string]bool{}}
	before := map[string]int{}
	if n := len(f.frames); n > 0 {
		before = f.frames[n-1].counts
	}
	for _, v := range f.versions {
		fr.active[v] = counts[v] > before[v]
	}
	for y := range f.rows {
		fr.lines = append(fr.lines, line(terminal, y, f.columns))
	}
	f.frames = append(f.frames, fr)
}

// line draws a line of the terminal: spans of one style, each at its column, since fonts differ in
// their widths.
func line(terminal *vt.Emulator, y, columns int) string {
	var b strings.Builder
	for x := 0; x < columns; {
		cell := terminal.CellAt(x, y)
		start, style, text := x, class(cell), ""
		for x < columns && class(terminal.CellAt(x, y)) == style {
			text += content(terminal.CellAt(x, y))
			x++
		}
		for part, at := range words(text) {
			b.WriteString(span(start+at, style, part))
		}
	}
	return b.String()
}

// words are the parts of a text that blanks of more than one column set apart, with their columns.
func words(text string) func(yield func(string, int) bool) {
	return func(yield func(string, int) bool) {
		column := 0
		for part := range strings.SplitSeq(text, "  ") {
			trimmed := strings.TrimLeft(part, " ")
			at := column + len(part) - len(trimmed)
			if trimmed = strings.TrimRight(trimmed, " "); trimmed != "" && !yield(trimmed, at) {
				return
			}
			column += len([]rune(part)) + 2
		}
	}
}

func content(c *uv.Cell) string {
	if c == nil || c.Content == "" {
		return " "
	}
	return c.Content
}

// class is the class of a cell's style: its color, and whether it is bold or faint.
func class(c *uv.Cell) string {
	if c == nil {
		return ""
	}
	name := ""
	if basic, ok := c.Style.Fg.(ansi.BasicColor); ok {
		name = map[color.Color]string{ansi.Red: "r", ansi.Green: "g", ansi.Yellow: "y", ansi.Cyan: "c", ansi.Blue: "u"}[basic]
	}
	switch {
	case c.Style.Attrs&uv.AttrBold != 0:
		name += "b"
	case c.Style.Attrs&uv.AttrFaint != 0:
		name += "f"
	}
	return name
}
