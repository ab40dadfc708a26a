package plugin

import (
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/mattn/go-runewidth"
	"github.com/morikuni/aec"
)

// Dimensions of a terminal that does not tell its own.
const (
	defaultHeight = 24
	defaultWidth  = 80
)

// screen draws a block of lines over the block that it drew before.
type screen struct {
	out  io.Writer
	size func() (height, width uint)
	// drawn are the widths of the lines that stand on the terminal; the cursor is below them.
	drawn []int
}

func (s *screen) dimensions() (height, width int) {
	h, w := s.size()
	if h == 0 || w == 0 {
		return defaultHeight, defaultWidth
	}
	return int(h), int(w)
}

// redraw replaces the block. A frame is one write, so that nobody sees half of it.
func (s *screen) redraw(lines []string) {
	var b strings.Builder
	s.home(&b)
	s.drawn = s.drawn[:0]
	for _, l := range lines {
		writeLine(&b, l)
		s.drawn = append(s.drawn, visibleWidth(l))
	}
	b.WriteString(aec.EraseDisplay(aec.EraseModes.Tail).String())
	// Nobody is left to be told that the terminal is gone.
	_, _ = io.WriteString(s.out, b.String())
}

// print replaces the block by lines that stay; the next redraw goes below them.
func (s *screen) print(lines []string) {
	s.redraw(lines)
	s.drawn = nil
}

// home moves the cursor to where the block begins. A terminal that became narrower has wrapped its
// lines.
func (s *screen) home(b *strings.Builder) {
	_, width := s.dimensions()
	up := 0
	for _, w := range s.drawn {
		up += max(1, (w+width-1)/width)
	}
	b.WriteByte('\r')
	if up > 0 {
		b.WriteString(aec.Up(uint(up)).String())
	}
}

func writeLine(b *strings.Builder, l string) {
	b.WriteString(l)
	b.WriteString(aec.EraseLine(aec.EraseModes.Tail).String())
	b.WriteByte('\n')
}

// visibleWidth is the number of columns that a line takes, colors not counted.
func visibleWidth(l string) int {
	return runewidth.StringWidth(ansi.Strip(l))
}
