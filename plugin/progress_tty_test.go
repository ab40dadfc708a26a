package plugin

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/mattn/go-runewidth"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

func typeName(v any) string { return reflect.TypeOf(v).String() }

// terminal understands as much of a terminal as the renderer uses.
type terminal struct {
	lines         []string
	line          int
	height, width uint
}

func (v *terminal) size() (uint, uint) { return v.height, v.width }

func (v *terminal) Write(b []byte) (int, error) {
	for s := string(b); s != ""; {
		s = v.one(s)
	}
	return len(b), nil
}

// one carries out the first thing in s and returns the rest.
func (v *terminal) one(s string) string {
	for len(v.lines) <= v.line {
		v.lines = append(v.lines, "")
	}
	switch {
	case s[0] == '\r':
		return s[1:]
	case s[0] == '\n':
		v.line++
		return s[1:]
	case strings.HasPrefix(s, "\x1b["):
		end := strings.IndexAny(s, "ABCDEFGHJKm")
		v.control(s[2:end], s[end])
		return s[end+1:]
	}
	// The renderer writes whole lines from the first column.
	end := strings.IndexAny(s, "\x1b\n")
	v.lines[v.line] += s[:end]
	return s[end:]
}

func (v *terminal) control(arg string, what byte) {
	switch what {
	case 'A':
		n := 0
		fmt.Sscan(arg, &n)
		for range n {
			v.line--
			v.lines[v.line] = ""
		}
	case 'J':
		v.lines = v.lines[:v.line]
	case 'K', 'm':
	default:
		panic("unknown control " + arg + string(what))
	}
}

func (v *terminal) String() string { return strings.Join(v.lines, "\n") + "\n" }

func newTestTTY(v *terminal, l look, c *clock) *ttyProgress {
	return newTTYProgress(v, v.size, c.now, l, "up shop")
}

func TestTTYProgress(t *testing.T) {
	for name, l := range map[string]look{"unicode": unicodeLook, "ascii": asciiLook} {
		t.Run(name, func(t *testing.T) {
			v, c := &terminal{height: 24, width: 72}, newClock()
			p := newTestTTY(v, l, c)
			var b strings.Builder
			from := 0
			for _, cut := range []int{3, 7, len(anUp)} {
				play(p, c, anUp[from:cut])
				from = cut
				c.advance(300 * time.Millisecond)
				p.tick()
				fmt.Fprintf(&b, "after %d events:\n%s\n", cut, v)
			}
			p.Close()
			p.Event(cluster.Event{Step: "late", State: cluster.Done})
			p.tick()
			fmt.Fprintf(&b, "closed:\n%s", v)
			golden(t, "progress.tty."+name, b.String())
		})
	}
}

func TestTTYColorIsOnlyPaint(t *testing.T) {
	draw := func(l look) []string {
		c := newClock()
		p := newTestTTY(&terminal{height: 24, width: 72}, l, c)
		play(p, c, anUp)
		return p.block(72, 24)
	}
	colored := unicodeLook
	colored.color = true
	plain, painted := draw(unicodeLook), draw(colored)
	if reflect.DeepEqual(plain, painted) {
		t.Error("no colors")
	}
	for i := range painted {
		painted[i] = ansi.Strip(painted[i])
	}
	if !reflect.DeepEqual(plain, painted) {
		t.Errorf("colors shift the text:\n%q\n%q", plain, painted)
	}
}

func TestTTYFitsTerminal(t *testing.T) {
	c := newClock()
	p := newTestTTY(&terminal{height: 24, width: 80}, unicodeLook, c)
	for i := range 30 {
		p.Event(cluster.Event{Service: fmt.Sprintf("服务-%d", i), Step: "a step of a long name", State: cluster.Working, Text: strings.Repeat("日本", 60)})
	}
	for _, width := range []int{1, 2, 7, 20, 40, 80, 300} {
		for _, height := range []int{1, 2, 10, 31, 60} {
			t.Run(fmt.Sprintf("%d wide and %d high", width, height), func(t *testing.T) {
				lines := p.block(width, height)
				if len(lines) > max(height, 2) {
					t.Errorf("%d lines", len(lines))
				}
				for _, l := range lines {
					if runewidth.StringWidth(l) > width {
						t.Errorf("%d columns: %q", runewidth.StringWidth(l), l)
					}
				}
			})
		}
	}
}

func TestFitKeepsWhatGoesOn(t *testing.T) {
	step := func(name string, s cluster.State) *row { return &row{event: cluster.Event{Step: name, State: s}} }
	rows := []*row{
		step("a", cluster.Working), step("b", cluster.Done), step("c", cluster.Done), step("d", cluster.Failed), step("e", cluster.Done),
	}
	for n, want := range map[int]string{5: "abcde", 4: "acde", 3: "ade", 2: "ad", 1: "d", 0: "d"} {
		t.Run(fmt.Sprint("room for ", n), func(t *testing.T) {
			got := ""
			for _, r := range fit(rows, n) {
				got += r.event.Step
			}
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// A terminal that became half as wide shows each full line in two.
func TestRedrawAfterShrinking(t *testing.T) {
	v := &terminal{height: 24, width: 40}
	s := &screen{out: v, size: v.size}
	s.redraw([]string{strings.Repeat("x", 39), "short"})
	v.width = 20
	var b strings.Builder
	s.home(&b)
	if want := "\r\x1b[3A"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestChooseLook(t *testing.T) {
	for name, c := range map[string]struct {
		env     map[string]string
		unicode bool
		color   bool
	}{
		"utf-8":             {map[string]string{"LANG": "en_US.UTF-8"}, true, true},
		"utf8":              {map[string]string{"LC_CTYPE": "C.utf8", "LANG": "C"}, true, true},
		"LC_ALL wins":       {map[string]string{"LC_ALL": "C", "LANG": "en_US.UTF-8"}, false, true},
		"nothing is said":   {nil, false, true},
		"NO_COLOR, latin-1": {map[string]string{"LANG": "de_DE.ISO-8859-1", "NO_COLOR": "1"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := chooseLook(func(k string) string { return c.env[k] })
			if (got.done == unicodeLook.done) != c.unicode || got.color != c.color {
				t.Errorf("%+v", got)
			}
		})
	}
}
