package plugin

import (
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newRollbackCommand(a *app) *cobra.Command {
	var o plan.FlipOptions
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "rollback [OPTIONS] [SERVICE...]",
		Short: "Send traffic back to the color that was active before",
		Long: `Send the traffic of blue-green services back to the color that was active before.
Without names, roll back all blue-green services of the stack. If the color is
scaled to 0, rollback starts it first. rollback also undoes an up or a flip that
was interrupted.`,
		Example: `  # All services of the stack shop, without its file
  docker bluegreen rollback -p shop

  # One of them
  docker bluegreen rollback -p shop web`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			return dry.runTurn(cmd, a, o, operator.Rollback, operator.PlanRollback)
		},
	}
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}
