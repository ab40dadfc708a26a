package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newDownCommand(a *app) *cobra.Command {
	var o swarm.DownOptions
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "down [OPTIONS]",
		Short: "Remove the stack",
		Long: `Remove all that up made for the stack: services, colors, proxies, networks, secrets
and configs. Nothing else is removed: volumes and external networks stay. The
command ends when all is gone.`,
		Example: `  # Remove the stack shop
  docker bluegreen down -p shop

  # Show what down would remove
  docker bluegreen down -p shop --dry-run`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := dry.check(cmd); err != nil {
				return err
			}
			return runDown(cmd.Context(), a, o, dry)
		},
	}
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}

func runDown(ctx context.Context, a *app, o swarm.DownOptions, dry dryRun) error {
	stack, err := a.stackName(ctx)
	if err != nil {
		return err
	}
	return dry.run(ctx, a, "down", stack, nil, func(ctx context.Context, s session) error {
		return s.Down(ctx, o)
	}, func(ctx context.Context, s session) (plan.Plan, error) {
		return s.PlanDown(ctx)
	})
}
