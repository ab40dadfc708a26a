package plugin

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

func newLsCommand(a *app) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:     "ls [OPTIONS]",
		Aliases: []string{"list"},
		Short:   "Show the blue-green services of all stacks",
		Long: `Show the blue-green services of all stacks of the swarm: the active color and its
release, the release on the other color, and when traffic moved last. ls needs no
file.

With --format json the fields are stable: new ones may come, none changes.`,
		Example: `  docker bluegreen ls

  # The stacks with a release that waits for promote
  docker bluegreen ls --format json | jq -r '.services[] | select(.waiting).stack'`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s *swarm.Stacks
			err := a.operate(cmd.Context(), "ls", "", func(ctx context.Context, o session) (err error) {
				s, err = o.Stacks(ctx)
				return err
			})
			if err != nil {
				return err
			}
			return f.write(a.Out(), s, func() error { return writeStacks(a.Out(), a.look(), s, a.now()) })
		},
	}
	formatVar(cmd, &f, "Form of the output")
	return cmd
}

// writeStacks writes a line for each service.
func writeStacks(out io.Writer, l look, s *swarm.Stacks, now time.Time) error {
	t := newTable(out, l, "STACK", "SERVICE", "STATE", "RELEASE", "IMAGE", "READY", "OTHER", "LAST FLIP")
	for _, svc := range s.Services {
		other := none
		if svc.Idle > 0 {
			other = fmt.Sprint(svc.Idle)
		}
		switch {
		case svc.Share > 0:
			other += fmt.Sprintf(", %d %%", svc.Share)
		case svc.Waiting:
			other += ", waits"
		}
		t.row("  "+svc.Stack, svc.Service, stackState(svc), fmt.Sprint(svc.Release), orDash(svc.Image), fmt.Sprintf("%d/%d", svc.Ready, svc.Wanted), other, timeAgo(svc.Flipped, now))
	}
	return t.Flush()
}

// stackState says in a word or two where the alias of a service points.
func stackState(s swarm.StackService) string {
	switch {
	case s.Active == "":
		return "no proxies"
	case s.State != "":
		return s.State + " (" + s.Active + ")"
	case s.Watched:
		return "-> " + s.Active + ", watched"
	}
	return "-> " + s.Active
}
