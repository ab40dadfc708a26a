package plugin

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gitTime is how long git may take: the history can do without a commit.
const gitTime = 2 * time.Second

// commitVariables are where CI systems say what they have checked out: GitHub, GitLab, Jenkins.
var commitVariables = []string{"GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"}

// commitOf is the git commit of a folder, with -dirty behind it if a tracked file there was changed
// since then. Where there is no git it is what the CI says; else it is empty.
func commitOf(ctx context.Context, dir string, getenv func(string) string) string {
	ctx, cancel := context.WithTimeout(ctx, gitTime)
	defer cancel()
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", append([]string{"--no-optional-locks", "-c", "core.fsmonitor=false", "-C", dir}, args...)...) //nolint:gosec // the folder of the file that the user named
		cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1")
		cmd.WaitDelay = time.Second // what git has begun may hold its output open
		out, err := cmd.Output()
		return strings.TrimSpace(string(out)), err
	}
	commit, err := git("rev-parse", "--verify", "--quiet", "HEAD")
	if err != nil || commit == "" {
		var known []string
		for _, v := range commitVariables {
			known = append(known, getenv(v))
		}
		return cmp.Or(known...)
	}
	if changed, err := git("status", "--porcelain", "--untracked-files=no", "--", "."); err == nil && changed != "" {
		commit += "-dirty"
	}
	return commit
}
