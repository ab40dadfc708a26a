package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// mistakesOf loads a file that is wrong.
func mistakesOf(t *testing.T, file string) *compose.FileError {
	t.Helper()
	_, err := compose.Load(context.Background(), compose.Options{Name: "shop", Files: []string{"-"}, Stdin: strings.NewReader(file)})
	var wrong *compose.FileError
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	return wrong
}

func TestMistakes(t *testing.T) {
	wide := "services:\n  web: {image: a, labels: {"
	for i := range 30 {
		wide += fmt.Sprintf("a%d: b, ", i)
	}
	wide += "}, imaje: b, hostname: x}\n"
	for _, c := range []struct {
		name, file string
		width      int
		want       string
	}{
		{"several", "services:\n  web:\n    image: a\n    imaje: b\n  db:\n    image: a\n    helthcheck: {}\n", 80,
			`standard input:4:5: services.web: unknown key imaje: did you mean "image"?
  4 |     imaje: ***
    |     ^~~~~
standard input:7:5: services.db: unknown key helthcheck: did you mean "healthcheck"?
  7 |     helthcheck: {}
    |     ^~~~~~~~~~
`},
		{"a tab", "services:\n  web: {image: a,\timaje: b}\n", 80,
			`standard input:2:19: services.web: unknown key imaje: did you mean "image"?
  2 |   web: {image: a,       imaje: ***}
    |                         ^~~~~
`},
		{"wide characters", "services:\n  web: {image: a, profiles: [日本, 語], imaje: b}\n", 80,
			`standard input:2:38: services.web: unknown key imaje: did you mean "image"?
  2 |   web: {image: a, profiles: [日本, 語], imaje: ***}
    |                                         ^~~~~
`},
		{"a line that is too long", wide, 60,
			`standard input:2:261: services.web: unknown key imaje: did you mean "image"?
  2 | …: ***, a29: ***, }, imaje: ***, hostname: x}
    |                      ^~~~~
`},
		{"what moves a cursor", "services:\n  web: {image: a, profiles: [\"a\u202eb\"], imaje: b}\n", 80,
			`standard input:2:38: services.web: unknown key imaje: did you mean "image"?
  2 |   web: {image: a, profiles: ["ab"], imaje: ***}
    |                                     ^~~~~
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := unicodeLook.mistakes(mistakesOf(t, c.file), c.width) + "\n"; got != c.want {
				t.Errorf("\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// The line is shown on a terminal only, and colors are only paint.
func TestMistakesOnATerminal(t *testing.T) {
	wrong := mistakesOf(t, "services:\n  web:\n    image: a\n    imaje: hunter2\n")
	plain := "standard input:4:5: services.web: unknown key imaje: did you mean \"image\"?\n"
	marked := plain + "  4 |     imaje: ***\n    |     ^~~~~\n"
	for name, c := range map[string]struct {
		terminal bool
		env      map[string]string
		want     string
		color    bool
	}{
		"terminal":              {true, nil, marked, true},
		"terminal and NO_COLOR": {true, map[string]string{"NO_COLOR": "1"}, marked, false},
		"no terminal":           {false, nil, plain, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.getenv = func(name string) string { return c.env[name] }
			h.Err().SetIsTerminal(c.terminal)
			h.reportError(wrong)
			got := h.err.String()
			if ansi.Strip(got) != c.want || (got != ansi.Strip(got)) != c.color {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
