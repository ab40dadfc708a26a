package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newFlipCommand(a *app) *cobra.Command {
	var o plan.FlipOptions
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "flip [OPTIONS] [SERVICE...]",
		Short: "Send traffic to the other color",
		Long: `Send the traffic of blue-green services to their other color, with one order to
all proxies. Without names, flip all blue-green services of the stack.

flip refuses, and changes nothing, if the other color is missing, has too few
tasks, or is not ready in every proxy. If the color is scaled to 0, flip starts it
first. Exit code 0 means: every proxy has confirmed, and no new request goes to the
old color. Requests in flight end on the color where they began.`,
		Example: `  # Flip all services of the stack shop
  docker bluegreen flip -p shop

  # Make green the active color of one service, if it is not yet
  docker bluegreen flip -p shop --to green web

  # Show what flip would do
  docker bluegreen flip -p shop --dry-run`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			if err := dry.check(cmd); err != nil {
				return err
			}
			return runFlip(cmd.Context(), a, o, dry)
		},
	}
	enumVar(cmd, cmd.Flags(), &o.To, "to", "", []string{"blue", "green"}, "Color to make active (default: the idle one)")
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}

func runFlip(ctx context.Context, a *app, o plan.FlipOptions, dry dryRun) error {
	stack, err := a.stackName(ctx)
	if err != nil {
		return err
	}
	return dry.run(ctx, a, "flip", stack, nil, func(ctx context.Context, s session) error {
		return s.Flip(ctx, o)
	}, func(ctx context.Context, s session) (plan.Plan, error) {
		return s.PlanFlip(ctx, o)
	})
}
