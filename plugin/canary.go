package plugin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newCanaryCommand(a *app) *cobra.Command {
	var o plan.FlipOptions
	var dry dryRun
	cmd := &cobra.Command{
		Use:   "canary [OPTIONS] PERCENT [SERVICE...]",
		Short: "Send a share of the traffic to the idle color",
		Long: `Send a share of the traffic to the idle color, from 0 to 99 percent, with one order
to all proxies. Without names, do this for all services with x-bluegreen.canary in
the file, also for those that have no new release.

x-bluegreen.canary.by says how requests are chosen: each by chance, or the same
client, cookie or header always for the same color. With the latter, a user stays on
the idle color when its share grows.

promote sends all traffic to the release, and rollback takes its share away. If the
color is scaled to 0, canary starts it first. If it has too few tasks, or is not
ready in every proxy, canary changes nothing. While a color has a share, its tasks
run on: a command that has to stop them takes the share away first.`,
		Example: `  # With promote: manual in the file: start a release, and give it one of ten requests
  docker bluegreen up -p shop
  docker bluegreen canary -p shop 10 web

  # All is well: the half, then all
  docker bluegreen canary -p shop 50 web
  docker bluegreen promote -p shop web

  # Or it is not: take its share away, before promote
  docker bluegreen rollback -p shop web`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeServices(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.Share, err = percent(args[0]); err != nil {
				return err
			}
			o.Services = args[1:]
			return dry.runTurn(cmd, a, o, operator.Canary, operator.PlanCanary)
		},
	}
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}

// percent reads a share, such as 25 or 25%.
func percent(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
	switch {
	case err == nil && n == 100:
		return 0, badFlag("canary", "100 percent is all of the traffic: run `docker bluegreen promote`")
	case err != nil || n < 0 || n > plan.MaxShare:
		return 0, badFlag("canary", fmt.Sprintf("%q is not a share: give a whole number from 0 to %d, as in `docker bluegreen canary 10 web`", text, plan.MaxShare))
	}
	return n, nil
}
