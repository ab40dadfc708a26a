package plugin

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func TestHistoryTable(t *testing.T) {
	h := newHarness()
	h.op.history = func(_ context.Context, services []string) (*swarm.History, error) {
		if strings.Join(services, " ") != "web" {
			t.Errorf("asked for %q", services)
		}
		return &swarm.History{Stack: "shop", Releases: []swarm.ReleaseHistory{
			{Service: "web", Release: 6, Color: "green", Outcome: "active", Again: 3, Created: new(noon.Add(-2 * time.Minute)), By: "ci@build", Image: "shop/web:1.3"},
			{Service: "web", Release: 5, Color: "blue", Outcome: "rolled back", Cause: "orders are lost", Created: new(noon.Add(-3 * time.Hour)), By: "ci@build", Image: "shop/web:1.4", Commit: "4f1c2a90d0e1f2a3-dirty"},
			{Service: "web", Release: 3, Color: "green", Outcome: "replaced", Image: "shop/web:1.3"},
		}}, nil
	}
	if err := h.run("history", "-p", "shop", "web"); err != nil {
		t.Fatal(err)
	}
	golden(t, "history.table", h.out.String())
}

func TestLsTable(t *testing.T) {
	h := newHarness()
	h.op.stacks = func(context.Context) (*swarm.Stacks, error) {
		return &swarm.Stacks{Services: []swarm.StackService{
			{Stack: "blog", Service: "web", Active: "blue", Release: 1, Image: "blog:7", Ready: 1, Wanted: 1},
			{Stack: "shop", Service: "api", Active: "green", Release: 4, Image: "shop/api:2", Idle: 3, Watched: true, Ready: 2, Wanted: 3, Flipped: new(noon.Add(-time.Minute))},
			{Stack: "shop", Service: "web", Active: "green", Release: 9, Image: "shop/web:5", Idle: 10, Waiting: true, Ready: 2, Wanted: 2, Flipped: new(noon.Add(-48 * time.Hour))},
			{Stack: "till", Service: "web", Active: "green", Release: 2, Image: "till:2", Idle: 3, Share: 25, State: "paused", Ready: 2, Wanted: 2, Flipped: new(noon.Add(-time.Hour))},
			{Stack: "torn", Service: "web"},
		}}, nil
	}
	if err := h.run("ls"); err != nil {
		t.Fatal(err)
	}
	golden(t, "ls.table", h.out.String())
	if err := newHarness().run("ls", "shop"); err == nil {
		t.Error("ls takes an argument")
	}
}

// Lines are shown with their task, and without what could move a cursor.
func TestLogs(t *testing.T) {
	h := newHarness()
	h.op.logs = func(_ context.Context, o swarm.LogOptions, emit func(swarm.LogLine)) error {
		if o.Color != "active" || !o.Follow || o.Since != "10m" || o.Tail != "5" || strings.Join(o.Services, " ") != "web" {
			t.Errorf("the options are %+v", o)
		}
		emit(swarm.LogLine{Task: "web-green.1", At: noon, Text: "\x1b[31mno database\x1b[2J\x07"})
		return nil
	}
	if err := h.run("logs", "-p", "shop", "--color", "active", "-f", "--since", "10m", "-n", "5", "-t", "web"); err != nil {
		t.Fatal(err)
	}
	if err := newHarness().run("logs", "-p", "shop", "-f", "stack.yml", "web"); err == nil || !strings.Contains(err.Error(), "for the stack file, write -c stack.yml") {
		t.Errorf("with -f: %v", err)
	}
	for _, args := range [][]string{{"-f", "missing.yml", "logs"}, {"logs", "--file", "missing.yml"}, {"logs", "-c", "missing.yml"}} {
		if err := newHarness().run(args...); err == nil || !strings.Contains(err.Error(), "missing.yml") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if got := h.out.String(); got != "web-green.1 | 2026-03-01T12:00:00.000Z no database\n" {
		t.Errorf("it prints %q", got)
	}
}

func TestRollbackFlags(t *testing.T) {
	h := newHarness()
	h.op.rollback = func(_ context.Context, o plan.FlipOptions) error {
		if o.Release != 9 || o.Reason != "orders are lost" {
			t.Errorf("the options are %+v", o)
		}
		return nil
	}
	if err := h.run("rollback", "-p", "shop", "--to", "9", "--reason", "orders are lost", "web"); err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"0", "-1", "last"} {
		if err := newHarness().run("rollback", "-p", "shop", "--to="+number); err == nil || !strings.Contains(err.Error(), "must be the number of a release, such as 9") {
			t.Errorf("--to=%s: %v", number, err)
		}
	}
}

// The commit is that of the folder; where there is no git it is what the CI says.
func TestCommitOf(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is missing")
	}
	ci := func(name string) string { return map[string]string{"CI_COMMIT_SHA": "0c4e88a2"}[name] }
	dir := t.TempDir()
	if got := commitOf(t.Context(), dir, ci); got != "0c4e88a2" {
		t.Errorf("without git it is %q", got)
	}
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	file := filepath.Join(dir, "compose.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("services: {}\n")
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "one")
	head := git("rev-parse", "HEAD")
	if got := commitOf(t.Context(), dir, ci); got != head {
		t.Errorf("it is %q, want %q", got, head)
	}
	write("services: {web: {}}\n")
	if got := commitOf(t.Context(), dir, ci); got != head+"-dirty" {
		t.Errorf("with a change it is %q, want %q", got, head+"-dirty")
	}
}
