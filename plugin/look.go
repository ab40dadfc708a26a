package plugin

import (
	"cmp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/mattn/go-runewidth"
	"github.com/morikuni/aec"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// look is what the terminal can show.
type look struct {
	unicode, color                bool
	width                         int // of a terminal; 0 for none
	spinner                       []string
	done, failed, warning, halted string
	ellipsis                      string
}

var (
	unicodeLook = look{
		unicode: true,
		spinner: []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"},
		done:    "✔", failed: "✘", warning: "!", halted: "-", ellipsis: "…",
	}
	asciiLook = look{
		spinner: []string{"|", "/", "-", "\\"},
		done:    "+", failed: "x", warning: "!", halted: "-", ellipsis: "...",
	}
)

// chooseLook goes by the locale, in the order in which POSIX looks at it, and by
// https://no-color.org.
func chooseLook(getenv func(string) string) look {
	locale := strings.ToLower(cmp.Or(getenv("LC_ALL"), getenv("LC_CTYPE"), getenv("LANG")))
	l := asciiLook
	if strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8") {
		l = unicodeLook
	}
	l.color = getenv("NO_COLOR") == ""
	return l
}

// look is what stdout can show: no colors where it is not a terminal.
func (a *app) look() look {
	l := chooseLook(a.getenv)
	l.color = l.color && a.Out().IsTerminal()
	if a.Out().IsTerminal() {
		_, l.width = (&screen{size: a.Out().GetTtySize}).dimensions()
	}
	return l
}

// text keeps what the terminal can show of a text.
func (l look) text(s string) string {
	s = printable(s)
	if l.unicode {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return '?'
		}
		return r
	}, strings.ReplaceAll(s, "→", "->"))
}

func (l look) paint(style aec.ANSI, s string) string {
	if !l.color || s == "" {
		return s
	}
	return style.Apply(s)
}

// note returns the lines of an event that stays on a terminal of that width, nil for one that is a
// row of the block.
func (l look) note(e cluster.Event, width int) []string {
	switch {
	case e.State == cluster.Warning:
		lines := strings.Split(" "+l.warning+" "+label(e)+": "+hang(e.Text), "\n")
		if len(lines) == 1 {
			lines = wrapped(label(e)+": "+e.Text, width-4)
			lines[0] = " " + l.warning + " " + lines[0]
			for i := range lines[1:] {
				lines[i+1] = "   " + lines[i+1]
			}
		}
		for i := range lines {
			lines[i] = l.paint(aec.YellowF, lines[i])
		}
		return lines
	case strings.Contains(e.Text, "\n"):
		return strings.Split(label(e)+":"+hang(e.Text), "\n")
	}
	return nil
}

// line puts left and right at the two ends of a line and leaves the last column free,
// since some terminals wrap a line that fills it.
func (l look) line(left, right string, width int) string {
	room := width - 1 - runewidth.StringWidth(right)
	if right == "" || room < 10 {
		return l.truncate(left, max(width-1, 1))
	}
	left = runewidth.FillRight(l.truncate(left, room-1), room)
	return left + l.paint(aec.Faint, right)
}

func (l look) truncate(s string, width int) string {
	return runewidth.Truncate(s, width, l.ellipsis)
}

// labelWidth is the width of the column of labels: the widest, but not more than half of the line.
func labelWidth(rows []*row, width int) int {
	widest := 0
	for _, r := range rows {
		widest = max(widest, runewidth.StringWidth(label(r.event)))
	}
	return min(widest, width/2)
}

// rowLines draws one row. When it is drawn for the last time, a text that is too long for its line
// goes on below, and nothing is lost.
func (p *ttyProgress) rowLines(r *row, labels, width int) []string {
	icon, style := p.icon(r.event.State)
	elapsed := ""
	switch {
	case r.took != nil:
		elapsed = seconds(*r.took)
	case r.event.State == cluster.Working:
		elapsed = seconds(max(p.now().Sub(r.began), time.Duration(0)))
	}
	left := " " + icon + " " + runewidth.FillRight(p.look.truncate(label(r.event), labels), labels) + "  "
	texts := []string{r.event.Text}
	if p.closed {
		texts = wrapped(r.event.Text, width-2-runewidth.StringWidth(left)-runewidth.StringWidth(elapsed))
	}
	plain := p.look.line(left+texts[0], elapsed, width)
	// The icon is painted last: widths are counted without colors.
	lines := []string{strings.Replace(plain, icon, p.look.paint(style, icon), 1)}
	for _, text := range texts[1:] {
		lines = append(lines, strings.Repeat(" ", runewidth.StringWidth(left))+text)
	}
	return lines
}

// narrowest is the width below which text is not wrapped: a word in each line cannot be read.
const narrowest = 16

// wrapped cuts a text between words into lines of a width.
func wrapped(text string, width int) []string {
	if width < narrowest {
		return []string{text}
	}
	return strings.Split(ansi.Wrap(text, width, ""), "\n")
}

func (p *ttyProgress) icon(s cluster.State) (string, aec.ANSI) {
	switch {
	case s == cluster.Done:
		return p.look.done, aec.GreenF
	case s == cluster.Failed:
		return p.look.failed, aec.RedF
	case p.closed:
		return p.look.halted, aec.YellowF
	}
	return p.look.spinner[p.frame%len(p.look.spinner)], aec.CyanF
}
