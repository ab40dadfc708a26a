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
scaled to 0, rollback starts it first. A second rollback goes forward again.

If the idle color has a share of the traffic (canary), rollback takes the share
back and does no more for that service.

rollback does not cancel a release that waits for promote: to do that, run up with
the file of the active release. To finish an up that was interrupted, run the same
up again; rollback goes to the release before the active one.`,
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
