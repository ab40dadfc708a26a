package plugin

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/mattn/go-runewidth"
	"github.com/morikuni/aec"
)

// none stands in a cell that has nothing to say.
const none = "-"

// table is text in columns, with colors where the terminal shows them.
type table struct {
	out  io.Writer
	look look
	rows [][]string
	gap  int // blanks between two columns
}

func newTable(out io.Writer, l look, header ...string) *table {
	header[0] = "  " + header[0]
	t := &table{out: out, look: l, gap: 3}
	t.row(header...)
	return t
}

// row adds one line, whatever a cell holds.
func (t *table) row(cells ...string) {
	clean := make([]string, len(cells))
	for i, c := range cells {
		clean[i] = strings.NewReplacer("\n", " ", "\t", " ").Replace(printable(c))
	}
	t.rows = append(t.rows, clean)
}

// Flush writes the table. Cells are painted once they have their places: a tabwriter takes colors
// for text.
func (t *table) Flush() error {
	t.fit()
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 4, 1, t.gap, ' ', 0)
	for _, cells := range t.rows {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var b strings.Builder
	lines := strings.SplitAfter(text.String(), "\n")
	for i, cells := range t.rows {
		line := lines[i]
		for k, cell := range cells {
			before, after, _ := strings.Cut(line, cell)
			b.WriteString(before + t.paint(i, k, cell))
			line = after
		}
		b.WriteString(line)
	}
	_, err := io.WriteString(t.out, b.String())
	return err
}

// fit makes the table as narrow as the terminal, if that is possible: first the gaps become
// smaller, then the last column goes on in further lines, then the widest of the others are cut.
func (t *table) fit() {
	if t.look.width == 0 {
		return
	}
	widths := t.widths()
	last := len(widths) - 1
	others := func() (sum int) {
		for _, w := range widths[:last] {
			sum += max(w+t.gap, 4)
		}
		return sum
	}
	if others()+widths[last] > t.look.width {
		t.gap = 2
	}
	least := min(widths[last], narrowest)
	for others()+least > t.look.width {
		widest := slices.Index(widths, slices.Max(widths[:last]))
		if widths[widest] <= 8 {
			return // it is what it is
		}
		widths[widest]--
	}
	var rows [][]string
	for _, cells := range t.rows {
		end, before := len(cells)-1, 0 // a row with fewer cells has the rest of the line for its last
		for i := range end {
			cells[i] = t.look.truncate(cells[i], widths[i])
			before += max(widths[i]+t.gap, 4)
		}
		for i, text := range wrapped(cells[end], t.look.width-before) {
			if i > 0 {
				cells = make([]string, end+1)
			}
			cells[end] = text
			rows = append(rows, slices.Clone(cells))
		}
	}
	t.rows = rows
}

// widths are those of the widest cell of each column.
func (t *table) widths() []int {
	widths := make([]int, len(t.rows[0]))
	for _, cells := range t.rows {
		for i, c := range cells[:min(len(cells), len(widths))] {
			if i < len(cells)-1 || i == len(widths)-1 { // else it has the rest of its line
				widths[i] = max(widths[i], runewidth.StringWidth(c))
			}
		}
	}
	return widths
}

// colorWords are the names of the two colors where they stand alone, and what says of a state that
// a person should look.
var colorWords = regexp.MustCompile(`\b(blue|green)\b|\b(failed|DOWN|no answer|no proxies|taken back|paused|maintenance)\b`)

// tasksReady are the ready and the wanted tasks of a service.
var tasksReady = regexp.MustCompile(`^(\d+)/(\d+)$`)

// paint gives a cell its color: the heading says what it is about.
func (t *table) paint(row, column int, cell string) string {
	if !t.look.color || row == 0 {
		return t.look.paint(aec.Faint, cell)
	}
	heading := ""
	if column < len(t.rows[0]) {
		heading = strings.TrimSpace(t.rows[0][column])
	}
	switch heading {
	case "READY":
		m := tasksReady.FindStringSubmatch(cell)
		switch {
		case m == nil || m[1] == m[2]:
			return cell
		case m[1] == "0":
			return t.look.paint(aec.RedF, cell)
		}
		return t.look.paint(aec.YellowF, cell)
	case "NAME", "STATE", "OUTCOME":
	default:
		if !strings.HasPrefix(heading, "PROXY OF ") {
			return cell
		}
	}
	return colorWords.ReplaceAllStringFunc(cell, func(word string) string {
		switch word {
		case "blue":
			return t.look.paint(aec.LightBlueF, word)
		case "green":
			return t.look.paint(aec.GreenF, word)
		}
		return t.look.paint(aec.YellowF, word)
	})
}
