package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// What a container wrote moves no cursor, sets no title, and leaves no litter.
func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain text", "a\tb\nc é 日本 👍🏽", "a\tb\nc é 日本 👍🏽"},
		{"colors", "\x1b[1;31mERROR\x1b[0m no database", "ERROR no database"},
		{"a cursor that moves", "a\x1b[2J\x1b[10;1Hb\x1b(B\rc\bd", "ab cd"},
		{"a link", "\x1b]8;;https://x\x1b\\docs\x1b]8;;\x1b\\", "docs"},
		{"a title without an end", "a\x1b]0;title\nb", "a\nb"},
		{"controls of one character", "a\u009bb\u0085c\x7f\x00", "abc"},
		{"what is no UTF-8", "a\xffb\x9b31mc", "a\uFFFDb\uFFFD31mc"},
		{"half a sequence", "a\x1b[", "a"},
		{"half a sequence in one line, half in the next", "a\x1b[3\n1mb\x1b\n[2Jc", "a\n1mb\n[2Jc"},
		{"a sequence within a sequence", "\x1b\x1b[2J[2Ja\x1b]\x1b]0;x\x07\x07b", "[2Jab"},
		{"a sequence of C1 controls", "a\u009b2Jb\u009d0;title\u009cc\u0090q\u009cd", "a2Jb0;titlecqd"},
		{"a text turned around", "a\u202ecod.exe\u202c \u2066b\u2069\u200f\u061cc", "acod.exe bc"},
		{"other ends of lines", "a\u2028b\u2029c\vd\fe\u0085f", "abcdef"},
		{"a bar that moves on", "10 %\r20 %\r\n30 %\r", "10 % 20 %\n30 %"},
		{"colors of 256 and 16 million", "\x1b[38;5;196ma\x1b[38:2::1:2:3mb\x1b[m", "ab"},
		{"what answers on the keyboard", "\x1b[c\x1b[6n\x1bP$q\"p\x1b\\a\x05", "a"},
		{"the clipboard", "\x1b]52;c;aGk=\x07a", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := printable(c.text); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// nasty is what no terminal should get, in the middle of a text; the letters stay.
const nasty = "A\x1b[2J\x1b]8;;http://x\x1b\\B\x1b]8;;\x07\u009b31mC\u202eD\rE\x1b[31mF\x1b[0m\x7f\x1b]0;t"

// Whatever an app writes, wherever it is shown, comes out clean: on the screen, in tables, in JSON,
// in templates, and in what others are told.
func TestTextOfAppsIsClean(t *testing.T) {
	failed := &cluster.UnhealthyError{Service: "web", Color: "green", Cause: nasty, Tasks: []cluster.TaskFailure{{Task: "t" + nasty, State: nasty, Log: []string{nasty}}}}
	event := cluster.Event{Service: "web", Step: "test", State: cluster.Failed, Text: nasty, Kind: cluster.Flipped}
	withHistory := fakeOperator{history: func(context.Context, []string) (*swarm.History, error) {
		return &swarm.History{Stack: "shop", Releases: []swarm.ReleaseHistory{{Service: "web", Release: 1, By: nasty, Image: nasty, Commit: nasty, Outcome: "failed", Cause: nasty + "\n" + nasty,
			Log: []swarm.ReleaseEvent{{Text: nasty}}}}}, nil
	}}
	withStatus := fakeOperator{status: func(context.Context, bool, ...string) (*swarm.Status, error) {
		return &swarm.Status{Stack: "shop", Drift: []string{nasty}, Services: []swarm.ServiceStatus{{Name: "web", Kind: "bluegreen", Route: &swarm.RouteStatus{Active: "blue", TakenBack: nasty},
			Proxies: []swarm.ProxyStatus{{Task: nasty, Error: nasty}, {Task: nasty, Servers: []swarm.ServerStatus{{Color: "blue", Status: nasty, Check: nasty}}}}}}}, nil
	}}
	withLogs := fakeOperator{logs: func(_ context.Context, _ swarm.LogOptions, emit func(swarm.LogLine)) error {
		emit(swarm.LogLine{Task: nasty, At: noon, Text: nasty})
		return nil
	}}
	up := func(_ context.Context, _ *compose.Project, _ plan.UpOptions) error { return failed }
	for name, c := range map[string]struct {
		op   fakeOperator
		args []string
	}{
		"logs":                        {withLogs, []string{"logs", "-t"}},
		"history":                     {withHistory, []string{"history"}},
		"history as JSON":             {withHistory, []string{"history", "--format", "json"}},
		"history by a template":       {withHistory, []string{"history", "--format", "{{range .Releases}}{{.Cause}}{{end}}"}},
		"history as JSON by template": {withHistory, []string{"history", "--format", "{{json .}}"}},
		"status":                      {withStatus, []string{"status", "--live"}},
		"status as JSON":              {withStatus, []string{"status", "--live", "--format", "json"}},
		"status by a template":        {withStatus, []string{"status", "--format", "{{range .Drift}}{{.}}{{end}}"}},
		"error":                       {fakeOperator{up: up}, []string{"up"}},
		"error as JSON":               {fakeOperator{up: up}, []string{"--progress", "json", "up"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.op = c.op
			h.load = func(context.Context, compose.Options) (*compose.Project, error) {
				return &compose.Project{Name: "shop"}, nil
			}
			if err := h.run(append([]string{"-p", "shop"}, c.args...)...); err != nil {
				h.reportError(err)
			}
			isClean(t, h.out.String()+h.err.String())
		})
	}
	for name, show := range map[string]func(h *harness) progress{
		"plain": func(h *harness) progress { return newPlainProgress(h.Err(), h.now) },
		"JSON":  func(h *harness) progress { return newJSONProgress(h.Err(), h.now) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			show(h).Event(event)
			isClean(t, h.err.String())
		})
	}
	t.Run("notification", func(t *testing.T) {
		n := &notifier{now: newClock().now, queue: make(chan notification, 9)}
		n.event(event)
		n.end(errors.Join(failed))
		text := ""
		for message := range n.queue {
			text += message.String()
		}
		isClean(t, text)
	})
}

// isClean finds what is not: a control, or a text that was lost.
func isClean(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%U in %q", r, text)
			return
		}
	}
	var decoded any
	if json.Unmarshal([]byte(text), &decoded) == nil {
		return // it has the whole text, in escapes
	}
	if !strings.Contains(text, "AB31mCD EF") && !strings.Contains(text, `\u001b`) {
		t.Errorf("the text is lost: %q", text)
	}
}
