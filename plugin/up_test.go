package plugin

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/docker/cli/cli/streams"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func shopProject(context.Context, compose.Options) (*compose.Project, error) {
	return &compose.Project{Name: "folder", Services: []compose.Service{{Name: "db"}, {Name: "web"}}, Disabled: []string{"debug"}}, nil
}

// Who gives the stack's name as docker stack deploy takes it is told what to write, before an
// engine is asked for anything.
func TestUpOfNoService(t *testing.T) {
	for _, c := range []struct{ name, arg, want string }{
		{"a stack's name", "shop", "the file has no service shop, only db, web: if shop is the name of the stack, write -p shop"},
		{"in no active profile", "debug", "service debug is in no active profile: add its profile with --profile"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness()
			h.load = shopProject
			if err := h.run("up", "-c", "stack.yml", c.arg); err == nil || err.Error() != c.want || exitCode(err) != cluster.ExitError {
				t.Error(err)
			}
			if len(h.opened) > 0 {
				t.Errorf("opened %q", h.opened)
			}
		})
	}
}

// What must be asked for is asked on a terminal, and elsewhere is an error that says how to allow
// it.
func TestUpAsks(t *testing.T) {
	ask := &plan.ConfirmationError{Services: []string{"web"}, Plan: plan.Plan{Steps: []plan.Step{{Do: plan.GiveBack, Name: "shop_web", Cause: "x-bluegreen was taken out"}}}}
	for _, c := range []struct {
		name, answer string
		terminal     bool
		args         []string
		done         bool
		err, shown   string
	}{
		{"yes", "y\n", true, nil, true, "", "~ give back shop_web: x-bluegreen was taken out\nservice web runs blue-green and has no x-bluegreen in the file: giving back removes the proxies and both colors, so a rollback is no longer possible\nGo on? [y/N] "},
		{"yes in full", "YES\n", true, nil, true, "", "Go on?"},
		{"no", "n\n", true, nil, false, "nothing was changed", "Go on?"},
		{"just return", "\n", true, nil, false, "nothing was changed", "Go on?"},
		{"end of input", "", true, nil, false, "nothing was changed", "Go on?"},
		{"no terminal", "y\n", false, nil, false, "service web runs blue-green and has no x-bluegreen in the file: giving back removes the proxies and both colors, so a rollback is no longer possible. Nothing was changed. Put x-bluegreen back, or run the command with --yes", ""},
		{"for a machine", "y\n", true, []string{"--progress", "json"}, false, "--yes", ""},
		{"--yes", "", false, []string{"--yes"}, true, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness()
			h.load = shopProject
			h.getenv = func(name string) string { return map[string]string{"NO_COLOR": "1"}[name] }
			in, stderr := streams.NewIn(io.NopCloser(strings.NewReader(c.answer))), streams.NewOut(&h.err)
			in.SetIsTerminal(c.terminal)
			stderr.SetIsTerminal(c.terminal)
			h.Streams = memoryStreams{in, streams.NewOut(&h.out), stderr}
			done := false
			h.op.up = func(_ context.Context, _ *compose.Project, o plan.UpOptions) error {
				if !o.Yes {
					return ask
				}
				done = true
				return nil
			}
			err := h.run(append([]string{"--progress", "plain", "up"}, c.args...)...)
			if done != c.done || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("done %t, error %v", done, err)
			}
			if shown := h.err.String(); !strings.Contains(shown, c.shown) || c.shown == "" && strings.Contains(shown, "Go on?") {
				t.Errorf("shown: %q", shown)
			}
			var asked *plan.ConfirmationError
			if err != nil && exitCode(err) != cluster.ExitError || errors.As(err, &asked) && c.answer == "n\n" {
				t.Errorf("exit %d for %v", exitCode(err), err)
			}
		})
	}
}
