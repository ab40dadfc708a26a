package plugin

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/morikuni/aec"
)

// none stands in a cell that has nothing to say.
const none = "-"

// table is text in columns, with colors where the terminal shows them.
type table struct {
	out  io.Writer
	look look
	rows [][]string
}

func newTable(out io.Writer, l look, header ...string) *table {
	header[0] = "  " + header[0]
	t := &table{out: out, look: l}
	t.row(header...)
	return t
}

// row adds one line.
func (t *table) row(cells ...string) {
	clean := make([]string, len(cells))
	for i, c := range cells {
		clean[i] = strings.ReplaceAll(printable(c), "\t", " ")
	}
	t.rows = append(t.rows, clean)
}

// Flush writes the table. Cells are painted once they have their places: a tabwriter takes colors for
// text.
func (t *table) Flush() error {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 4, 1, 3, ' ', 0)
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

// colorWords are the names of the two colors where they stand alone, and what says of a state that a
// person should look.
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
