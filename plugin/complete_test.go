package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// Tab completes what the swarm and the file know, and nothing where nobody answers.
func TestCompletion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stack.yml")
	if err := os.WriteFile(file, []byte("name: shop\nservices:\n  web: {image: 'shop/web:1', ports: ['80:8080'], x-bluegreen: {test: [smoke]}}\n  db: {image: postgres, profiles: [dev, all]}\n  smoke: {image: 'shop/smoke:1', deploy: {mode: replicated-job}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	known := func(context.Context) (*swarm.Stacks, error) {
		return &swarm.Stacks{Services: []swarm.StackService{{Stack: "blog", Service: "web"}, {Stack: "shop", Service: "api"}, {Stack: "shop", Service: "web"}}}, nil
	}
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"flip", "-p", "shop", ""}, "api web"},
		{[]string{"flip", "-f", file, "web", ""}, "api"},
		{[]string{"canary", "-p", "shop", ""}, ""},
		{[]string{"canary", "-p", "shop", "10", ""}, "api web"},
		{[]string{"pause", "-p", "blog", ""}, "web"},
		{[]string{"up", "-f", file, ""}, "web"},
		{[]string{"up", "-f", file, "--profile", "dev", ""}, "db web"},
		{[]string{"up", "-f", file, "--profile", ""}, "all dev"},
		{[]string{"status", "-p", ""}, "blog shop"},
		{[]string{"doctor", "-p", ""}, "blog shop"},
		{[]string{"events", "-p", ""}, "blog shop"},
		{[]string{"rollback", "-p", "shop", "web", "--to", ""}, "5\tweb shop/web:1.4, idle 3\tweb shop/web:1.3, replaced"},
		{[]string{"logs", "-p", "shop", "--color", ""}, "active idle blue green proxy"},
	} {
		h := newHarness()
		h.op.stacks = known
		h.op.history = func(_ context.Context, services []string) (*swarm.History, error) {
			return &swarm.History{Releases: []swarm.ReleaseHistory{{Service: "web", Release: 6, Outcome: "active"}, {Service: "web", Release: 5, Image: "shop/web:1.4", Outcome: "idle"},
				{Service: "web", Release: 4, Outcome: "failed"}, {Service: "web", Release: 3, Image: "shop/web:1.3", Outcome: "replaced"}}}, nil
		}
		if got := h.completes(t, tc.args...); got != tc.want {
			t.Errorf("%q completes %q, want %q", tc.args, got, tc.want)
		}
		h = newHarness()
		h.op.stacks = func(context.Context) (*swarm.Stacks, error) { return nil, errors.New("no manager") }
		h.op.history = func(context.Context, []string) (*swarm.History, error) { return nil, errors.New("no manager") }
		if got := h.completes(t, tc.args...); got != "" && !strings.Contains("db web active idle blue green proxy all dev", got) {
			t.Errorf("without a manager %q completes %q", tc.args, got)
		}
	}
}

// completes are the words that the shell gets for a command line.
func (h *harness) completes(t *testing.T, args ...string) string {
	t.Helper()
	h.out.Reset()
	if err := h.runRoot(append([]string{"__complete", "bluegreen"}, args...)...); err != nil {
		t.Fatal(err)
	}
	lines, _, _ := strings.Cut(h.out.String(), ":4\n")
	return strings.Join(strings.Split(strings.TrimSpace(lines), "\n"), " ")
}
