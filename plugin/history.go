package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

func newHistoryCommand(a *app) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "history [OPTIONS] [SERVICE...]",
		Short: "Show the releases of the stack, and how they ended",
		Long: `Show the last releases of blue-green services, the newest first: who made them,
when, from which git commit, and how they ended. Without names, show those of all
blue-green services of the stack.

The swarm keeps the last 10 releases of each service, or as many as history in the file
says, with the versions of configs and secrets that they need. To bring one of them
back, run rollback --to NUMBER SERVICE.

OUTCOME is active, shared (it has a share of the traffic), waiting (for promote), idle
(ready to go back to), replaced, rolled back, taken back (by its guard), failed, or
given up (it got no traffic: its up was interrupted, or another release took its place).

--format json also has what happened to each release, in its order. With --format json
the fields are stable: new ones may come, none changes.`,
		Example: `  docker bluegreen history -p shop web

  # What came of the last release of web, for a script
  docker bluegreen history -p shop web --format json | jq -r '.releases[0].outcome'`,
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			stack, err := a.stackName(cmd.Context())
			if err != nil {
				return err
			}
			var h *swarm.History
			err = a.operate(cmd.Context(), "history", stack, func(ctx context.Context, s session) error {
				h, err = s.History(ctx, args)
				return err
			})
			if err != nil {
				return err
			}
			return f.write(a.Out(), h, func() error { return writeHistory(a.Out(), a.look(), h, a.now()) })
		},
	}
	formatVar(cmd, &f, "Form of the output")
	return cmd
}

// writeHistory writes a line for each release.
func writeHistory(out io.Writer, l look, h *swarm.History, now time.Time) error {
	t := newTable(out, l, "SERVICE", "RELEASE", "CREATED", "BY", "IMAGE", "COMMIT", "OUTCOME")
	for _, r := range h.Releases {
		outcome := r.Outcome
		if r.Cause != "" {
			outcome += ": " + r.Cause
		}
		if r.Again > 0 {
			outcome += fmt.Sprintf(" (release %d again)", r.Again)
		}
		t.row("  "+r.Service, fmt.Sprint(r.Release), timeAgo(r.Created, now), orDash(r.By), orDash(r.Image), orDash(shortCommit(r.Commit)), outcome)
	}
	return t.Flush()
}

// timeAgo is how long ago a time was.
func timeAgo(t *time.Time, now time.Time) string {
	if t == nil {
		return none
	}
	return strings.ToLower(units.HumanDuration(now.Sub(*t))) + " ago"
}

func orDash(text string) string {
	if text == "" {
		return none
	}
	return text
}

// shortCommit cuts a git commit as git does for people.
func shortCommit(commit string) string {
	const digits = 8
	hash, dirty, isDirty := strings.Cut(commit, "-")
	hash = hash[:min(len(hash), digits)]
	if isDirty {
		hash += "-" + dirty
	}
	return hash
}
