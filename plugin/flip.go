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
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			return dry.runTurn(cmd, a, o, operator.Flip, operator.PlanFlip)
		},
	}
	enumVar(cmd, cmd.Flags(), &o.To, "to", "", []string{"blue", "green"}, "Color to make active (default: the idle one)")
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}

// runTurn carries out, or plans, a command that moves traffic and needs no file.
func (d *dryRun) runTurn(cmd *cobra.Command, a *app, o plan.FlipOptions,
	do func(operator, context.Context, plan.FlipOptions) error, planned func(operator, context.Context, plan.FlipOptions) (plan.Plan, error),
) error {
	if err := d.check(cmd); err != nil {
		return err
	}
	stack, err := a.stackName(cmd.Context())
	if err != nil {
		return err
	}
	return d.run(cmd.Context(), a, cmd.Name(), stack, nil, func(ctx context.Context, s session) error {
		return do(s, ctx, o)
	}, func(ctx context.Context, s session) (plan.Plan, error) {
		return planned(s, ctx, o)
	})
}
