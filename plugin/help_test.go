package plugin

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/docker/cli/cli"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// helpOf is what a command's --help prints on a terminal of 80 columns, below docker as it is in
// the plugin.
func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	docker := &cobra.Command{Use: "docker"}
	cli.SetupPluginRootCommand(docker)
	root := newRootCommand(newHarness().app)
	docker.AddCommand(root)
	root.DisableFlagsInUseLine = true // as the docker CLI does
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true
	}
	var out bytes.Buffer
	docker.SetOut(&out)
	docker.SetArgs(append(append([]string{"bluegreen"}, args...), "--help"))
	if err := docker.Execute(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestHelp(t *testing.T) {
	golden(t, "help", helpOf(t))
	golden(t, "help-up", helpOf(t, "up"))
	golden(t, "help-version", helpOf(t, "version"))
}

// Whoever asks for help finds an example before the fine print, and each line fits.
func TestHelpOfEachCommand(t *testing.T) {
	for _, c := range newRootCommand(newHarness().app).Commands() {
		text := helpOf(t, c.Name())
		if example, options := strings.Index(text, "\nExamples:\n"), strings.Index(text, "\nOptions of all commands"); example < 0 || example > options {
			t.Errorf("%s: the examples stand at %d, the options at %d", c.Name(), example, options)
		}
		for line := range strings.Lines(text) {
			if len([]rune(line)) > 90 {
				t.Errorf("%s: a line of %d columns: %s", c.Name(), len([]rune(line)), line)
			}
		}
	}
}

func TestMistypedCommand(t *testing.T) {
	for word, want := range map[string]string{
		"upp": "up", "deploy": "up", "rolback": "rollback", "revert": "rollback", "Status": "status", "switch": "flip",
		"rm": "down", "histroy": "history", "stat": "status", "xyzzy": "", "u": "up",
	} {
		h := newHarness()
		err := h.run(word)
		if err == nil {
			t.Errorf("%s: no error", word)
			continue
		}
		first, second, _ := strings.Cut(err.Error(), "\n")
		text := "there is no command 'docker bluegreen " + word + "'"
		if want != "" {
			text += ": did you mean " + want + "?"
		}
		if first != text || second != "Run 'docker bluegreen --help' for all commands" {
			t.Errorf("%s: %q, want %q", word, err, text)
		}
	}
}

func TestVariables(t *testing.T) {
	for _, c := range []struct {
		name, value string
		args        []string
		progress    string
		fails       string
	}{
		{"BLUEGREEN_PROGRESS", "json", []string{"flip"}, "json", ""},
		{"BLUEGREEN_PROGRESS", "json", []string{"flip", "--progress", "plain"}, "plain", ""},
		{"BLUEGREEN_PROGRESS", "", []string{"flip"}, "auto", ""},
		{"BLUEGREEN_PROGRESS", "loud", []string{"flip"}, "", "variable BLUEGREEN_PROGRESS=loud: must be one of auto, tty, plain, json, quiet"},
		{"BLUEGREEN_LOCK_TIMEOUT", "soon", []string{"flip"}, "", "variable BLUEGREEN_LOCK_TIMEOUT=soon: must be a duration such as 90s or 5m"},
		{"BLUEGREEN_TIMEOUT", "soon", []string{"flip"}, "auto", ""}, // flip has no --timeout
	} {
		h := newHarness()
		h.op.flip = func(context.Context, plan.FlipOptions) error { return nil }
		h.app.getenv = func(name string) string { return map[string]string{c.name: c.value}[name] }
		err := h.run(append(c.args, "-p", "shop")...)
		if c.fails != "" {
			if err == nil || !strings.HasPrefix(err.Error(), c.fails) || exitCode(err) != exitBadFlags {
				t.Errorf("%s=%s: %v, want %s", c.name, c.value, err, c.fails)
			}
			continue
		}
		if err != nil || h.app.common.progress != c.progress {
			t.Errorf("%s=%s %v: %s, %v, want %s", c.name, c.value, c.args, h.app.common.progress, err, c.progress)
		}
	}
}
