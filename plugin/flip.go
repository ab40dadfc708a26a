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
		Long: `Send the traffic of all blue-green services of the stack, or only of the named
ones, to their other color, all in one order to the proxies.

It is refused, and nothing happens, when the other color is missing, not there in
full number, or not ready in every proxy. A color that is scaled to 0 is started
first. When the command returns with 0, every proxy has confirmed, and no request
that begins then goes to the old color. Requests in flight end where they are.`,
		Example: `  # Flip all services of the stack shop
  docker bluegreen flip -p shop

  # Make green the active color of one service; nothing is done where it is
  docker bluegreen flip -p shop --to green web

  # What would be done
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
