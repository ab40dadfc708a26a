package plugin

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/streams"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

var (
	workflowData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	workflowProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// property is one of a workflow command; those without a value are left out.
type property struct{ name, value string }

// workflowCommand is a line that GitHub Actions carries out.
func workflowCommand(name string, properties []property, data string) string {
	var list []string
	for _, p := range properties {
		if p.value != "" {
			list = append(list, p.name+"="+workflowProperty.Replace(printable(p.value)))
		}
	}
	if len(list) > 0 {
		name += " " + strings.Join(list, ",")
	}
	return "::" + name + "::" + workflowData.Replace(printable(data)) + "\n"
}

// annotation is an error or a warning at its place in a file.
func (a *app) annotation(kind string, p compose.Problem) string {
	properties := []property{{"title", "docker bluegreen"}}
	if p.Line > 0 {
		properties = append([]property{{"file", a.inWorkspace(p.File)}, {"line", strconv.Itoa(p.Line)}, {"col", strconv.Itoa(p.Column)}}, properties...)
	}
	return workflowCommand(kind, properties, p.Text)
}

// inWorkspace is a file as GitHub knows it: by its path in the repository.
func (a *app) inWorkspace(file string) string {
	whole, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	within, err := filepath.Rel(a.getenv("GITHUB_WORKSPACE"), whole)
	if err != nil || !filepath.IsLocal(within) {
		return file
	}
	if _, err := os.Stat(whole); err != nil {
		return file // standard input, or somewhere else
	}
	return filepath.ToSlash(within)
}

// guardedStreams are streams in whose text GitHub Actions finds no workflow command: what apps
// write ends up there. verbatim are those without this.
type guardedStreams struct {
	verbatim command.Streams
	out, err *streams.Out
}

func (g guardedStreams) In() *streams.In   { return g.verbatim.In() }
func (g guardedStreams) Out() *streams.Out { return g.out }
func (g guardedStreams) Err() *streams.Out { return g.err }

// guardStreams keeps what is printed from now on free of workflow commands, on GitHub Actions.
func (a *app) guardStreams() {
	if a.ci() != ciGitHub {
		return
	}
	s := a.verbatim()
	g := guardedStreams{s, s.Out(), s.Err()}
	if !s.Out().IsTerminal() {
		g.out = streams.NewOut(&disarming{out: s.Out()})
	}
	if !s.Err().IsTerminal() {
		g.err = streams.NewOut(&disarming{out: s.Err()})
	}
	a.Streams = g
}

// verbatim are the streams for what is no text of apps: our own commands, and data that must arrive
// as it is.
func (a *app) verbatim() command.Streams {
	if g, ok := a.Streams.(guardedStreams); ok {
		return g.verbatim
	}
	return a.Streams
}

// disarming is a writer that parts "::" at the beginning of a line, and "##[" anywhere, by a blank.
// The runner finds commands there, behind any blanks, and ends lines at CR, too. One write may end
// anywhere.
type disarming struct {
	out io.Writer
	// inLine says that the line has begun; colons and hashes count those that came just before.
	inLine         bool
	colons, hashes int
}

func (d *disarming) Write(p []byte) (int, error) {
	var b bytes.Buffer
	for _, c := range p {
		switch {
		case c == '\n' || c == '\r':
			d.inLine, d.colons = false, 0
		case c == ':' && !d.inLine:
			if d.colons++; d.colons == 2 {
				b.WriteByte(' ')
				d.inLine = true
			}
		case d.colons == 1 || c > ' ' && c < 0x7f: // other characters may be blanks
			d.inLine = true
		}
		if c == '[' && d.hashes >= 2 {
			b.WriteByte(' ')
		}
		if c == '#' {
			d.hashes++
		} else {
			d.hashes = 0
		}
		b.WriteByte(c)
	}
	if _, err := d.out.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
