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
		Short:   "Show the services of the stack, their colors and where traffic goes",
		Long: `Show each service of the stack: where its alias points, the release and image of
each color, how many tasks are ready of those wanted, and since when they run.
The active color is marked with *.

By default this is what the swarm has written down. With --live the proxies are
asked as well: which route each of them follows, how it sees the tasks behind it,
and how many requests are in flight. When one of them does something else than
what is written down, that is shown as drift, and the exit code is 4.

With --format json the fields are stable: new ones may be added, none changes. A
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
	cmd.Flags().BoolVar(&o.live, "live", false, "Ask the proxies, and compare")
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
