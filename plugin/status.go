package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

type statusOptions struct {
	live   bool
	format format
}

func newStatusCommand(a *app) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:     "status [OPTIONS]",
		Aliases: []string{"ps"},
		Short:   "Show the services of the stack, their colors and routes",
		Long: `Show each service of the stack: where its alias points, the release and image of
each color, the number of ready and wanted tasks, and the age of the tasks. A star
marks the active color.

By default, status reads the swarm only. With --live it also asks each proxy for
its route, the state of the tasks behind it, and the requests in flight. If a proxy
follows another route than the one in the label, status shows this as drift and
exits with 4.

With --format json the fields are stable: new ones may come, none changes. A
Go template gets the same fields, as Go spells them: .InFlight for in_flight.`,
		Example: `  docker bluegreen status -p shop
  docker bluegreen status -p shop --live

  # The active color of the service web, for a script
  docker bluegreen status -p shop --format json |
    jq -r '.services[] | select(.name == "web").route.active'

  # Those of all services
  docker bluegreen status -p shop --format \
    '{{range .Services}}{{with .Route}}{{.Active}}{{end}} {{.Name}}{{println}}{{end}}'`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runStatus(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVar(&o.live, "live", false, "Ask the proxies too, and find drift")
	formatVar(cmd, &o.format, "Form of the output")
	return cmd
}

func runStatus(ctx context.Context, a *app, o statusOptions) error {
	stack, err := a.stackName(ctx)
	if err != nil {
		return err
	}
	var status *swarm.Status
	err = a.operate(ctx, "status", stack, func(ctx context.Context, s session) error {
		status, err = s.Status(ctx, o.live)
		return err
	})
	if err != nil {
		return err
	}
	tidy(status)
	table := func() error { return writeStatusTable(a.Out(), status, a.now()) }
	if err := o.format.write(a.Out(), status, table); err != nil {
		return err
	}
	if len(status.Drift) > 0 {
		return &driftError{stack: status.Stack, differences: len(status.Drift)}
	}
	return nil
}
