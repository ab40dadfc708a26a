package plugin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/morikuni/aec"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// tabStop is how far apart a terminal has its tab stops.
const tabStop = 8

// mistakes shows what is wrong with a stack file as compilers do: below each message the line that
// it is about, with a mark under the place.
func (l look) mistakes(e *compose.FileError, width int) string {
	var b strings.Builder
	for _, p := range e.Problems {
		fmt.Fprintln(&b, l.text(p.String()))
		if p.Source == "" {
			continue
		}
		line, mark := l.marked(p, width)
		number := strconv.Itoa(p.Line)
		b.WriteString(l.paint(aec.Faint, "  "+number+" | ") + line + "\n")
		b.WriteString(l.paint(aec.Faint, "  "+strings.Repeat(" ", len(number))+" | ") + l.paint(aec.RedF, mark) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// marked is the line of a problem and the line with the mark below it, both cut so that they stay
// narrower than width.
func (l look) marked(p compose.Problem, width int) (line, mark string) {
	before := l.untabbed("", p.Source[:p.From])
	about := l.untabbed(before, p.Source[p.From:p.To])
	after := l.untabbed(before+about, p.Source[p.To:])
	room := max(width-len("  ")-len(strconv.Itoa(p.Line))-len(" | ")-1, tabStop)
	const context = 20 // of what stands before the place
	if left := runewidth.StringWidth(before) - context; left > 0 && runewidth.StringWidth(before+about) > room {
		cut := runewidth.TruncateLeft(before, left, "")
		before = l.ellipsis + cut
	}
	line = l.truncate(before+about+after, room)
	length := max(min(runewidth.StringWidth(about), room-runewidth.StringWidth(before)), 1)
	return line, strings.Repeat(" ", min(runewidth.StringWidth(before), room)) + "^" + strings.Repeat("~", length-1)
}

// untabbed is a text that stands behind another one, with blanks in the place of tabs.
func (l look) untabbed(before, text string) string {
	column := runewidth.StringWidth(before)
	var b strings.Builder
	for _, part := range strings.SplitAfter(text, "\t") {
		cut, tab := strings.CutSuffix(part, "\t")
		cut = l.text(cut)
		b.WriteString(cut)
		column += runewidth.StringWidth(cut)
		if tab {
			blanks := tabStop - column%tabStop
			b.WriteString(strings.Repeat(" ", blanks))
			column += blanks
		}
	}
	return b.String()
}
