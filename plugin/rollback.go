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

With --to, bring back an earlier release of one service, by its number in docker
bluegreen history. Unless the idle color still holds it, rollback starts it there as a
new release, from what the swarm has written down of it, and flips when every proxy
sees it ready. No file is needed. Jobs of test and verify do not run, and the proxies
do not watch it.

If the idle color has a share of the traffic (canary), rollback takes the share
back and does no more for that service.

While an up runs test jobs, rollback withdraws the release that they test, and traffic
stays where it is. The up ends.

rollback does not cancel a release that waits for promote: to do that, run up with
the file of the active release. To finish an up that was interrupted, run the same
up again; rollback goes to the release before the active one.`,
		Example: `  # All services of the stack shop, without its file
  docker bluegreen rollback -p shop

  # One of them
  docker bluegreen rollback -p shop web

  # To release 9, with a reason for the history
  docker bluegreen rollback -p shop --to 9 --reason 'orders are lost' web`,
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			return dry.runTurn(cmd, a, o, operator.Rollback, operator.PlanRollback)
		},
	}
	releaseVar(cmd.Flags(), &o.Release, "to", "Number of the release to bring back (default: the one that was active before)")
	must(cmd.RegisterFlagCompletionFunc("to", a.completeReleases()))
	cmd.Flags().StringVar(&o.Reason, "reason", "", "Why, for the history")
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}
