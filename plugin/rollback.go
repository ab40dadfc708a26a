package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newRollbackCommand(a *app) *cobra.Command {
	var o plan.FlipOptions
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "rollback [OPTIONS] [SERVICE...]",
		Short: "Send traffic back to the color that had it before",
		Long: `Send the traffic of all blue-green services of the stack, or only of the named
ones, back to the color that was active before, whatever that takes: a color that
was scaled to 0 is started first. An up or a flip that was interrupted is undone.`,
		Example: `  # All services of the stack shop, without its file
  docker bluegreen rollback -p shop

  # One of them
  docker bluegreen rollback -p shop web`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			if err := dry.check(cmd); err != nil {
				return err
			}
			return runRollback(cmd.Context(), a, o, dry)
		},
	}
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}

func runRollback(ctx context.Context, a *app, o plan.FlipOptions, dry dryRun) error {
	stack, err := a.stackName(ctx)
	if err != nil {
		return err
	}
	return dry.run(ctx, a, "rollback", stack, nil, func(ctx context.Context, s session) error {
		return s.Rollback(ctx, o)
	}, func(ctx context.Context, s session) (plan.Plan, error) {
		return s.PlanRollback(ctx, o)
	})
}
