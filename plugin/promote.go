package plugin

import (
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newPromoteCommand(a *app) *cobra.Command {
	var o plan.FlipOptions
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "promote [OPTIONS] [SERVICE...]",
		Short: "Send traffic to the release that waits for it",
		Long: `Send the traffic of blue-green services to the release that waits for it, with one
order to all proxies. Without names, promote all blue-green services of the stack.

A release waits after an up with --no-flip, with promote: manual or a time such as
promote: 10m in the file, and between the steps of canary.steps. If the idle color
has a share of the traffic, promote sends all traffic to the newest release. If no
release waits, promote changes nothing, and the exit code is 0. So a script can run
it again; flip would send traffic back.

promote refuses, and changes nothing, if the release has too few tasks or is not
ready in every proxy.`,
		Example: `  # Start a new release, try it, then send traffic to it
  docker bluegreen up -p shop --no-flip web
  docker bluegreen promote -p shop web

  # Show what promote would do
  docker bluegreen promote -p shop --dry-run`,
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			return dry.runTurn(cmd, a, o, operator.Promote, operator.PlanPromote)
		},
	}
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}
