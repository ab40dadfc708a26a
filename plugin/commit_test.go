package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A git that is a script, as that of a version manager, and hangs: nobody waits for what it began.
func TestGitThatHangs(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\nsleep 20\ntrue\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	began := time.Now()
	commitOf(t.Context(), dir, func(string) string { return "" })
	if took := time.Since(began); took > gitTime+3*time.Second {
		t.Errorf("it took %s", took)
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("git: %v: %s", err, out)
	}
}

// A folder that somebody else has made may say in its .git/config what git is to run.
func TestGitRunsNothing(t *testing.T) {
	dir := t.TempDir()
	git(t, dir, "init", "-q")
	git(t, dir, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one")
	git(t, dir, "config", "core.fsmonitor", "touch "+filepath.Join(dir, "ran")+"; false")
	if commitOf(t.Context(), dir, func(string) string { return "" }) == "" {
		t.Error("no commit")
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("what .git/config says was run")
	}
}
