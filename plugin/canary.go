package plugin

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/cli/cli"
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
the file.

The key says how requests are chosen: each by chance, or the same client, cookie
or header always for the same color. Whoever is on the idle color stays there when
its share grows.

promote sends all traffic to the release, and rollback takes its share away.
canary refuses, and changes nothing, if the color has too few tasks or is not ready
in every proxy. While it has a share, no command stops it.`,
		Example: `  # Start a new release, and let one of ten requests try it
  docker bluegreen up -p shop
  docker bluegreen canary -p shop 10

  # All is well: the half, then all
  docker bluegreen canary -p shop 50
  docker bluegreen promote -p shop

  # It is not: take its traffic away
  docker bluegreen rollback -p shop`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
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
		return 0, badShare("100 percent is all of the traffic: run `docker bluegreen promote`")
	case err != nil || n < 0 || n > plan.MaxShare:
		return 0, badShare(fmt.Sprintf("%q is not a share: give a whole number from 0 to %d, as in `docker bluegreen canary 10 web`", text, plan.MaxShare))
	}
	return n, nil
}

func badShare(text string) error {
	return cli.StatusError{StatusCode: exitBadFlags, Status: text + "\n\nRun 'docker bluegreen canary --help' for more information"}
}
