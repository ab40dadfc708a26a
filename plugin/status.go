package plugin

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

type statusOptions struct {
	services []string
	live     bool
	watch    bool
	format   format
}

func newStatusCommand(a *app) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:     "status [OPTIONS] [SERVICE...]",
		Aliases: []string{"ps"},
		Short:   "Show the services of the stack, their colors and routes",
		Long: `Show each service of the stack: where its alias points, the release and image of
each color, the number of ready and wanted tasks, and the age of the tasks. A star
marks the active color. With names of services, show only these.

By default, status reads the swarm only. With --live it also asks each proxy for
its route, the state of the tasks behind it, and the requests in flight. If a proxy
follows another route than the one in the label, status shows this as drift and
exits with 4.

With --watch, status shows the same again every two seconds until Ctrl-C: --live shows
what proxies count while a guard watches, and asks every five seconds.

With --format json the fields are stable: new ones may come, none changes. A
Go template gets the same fields, as Go spells them: .InFlight for in_flight.`,
		Example: `  docker bluegreen status -p shop
  docker bluegreen status -p shop --live web

  # The active color of the service web, for a script
  docker bluegreen status -p shop --format json |
    jq -r '.services[] | select(.name == "web").route.active'

  # Those of all services
  docker bluegreen status -p shop --format \
    '{{range .Services}}{{with .Route}}{{.Active}}{{end}} {{.Name}}{{println}}{{end}}'`,
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.services = args
			return runStatus(cmd.Context(), a, o)
		},
	}
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "Show it again every few seconds, until Ctrl-C; with --format, print it again each time")
	cmd.Flags().BoolVar(&o.live, "live", false, "Ask the proxies too, and find drift")
	formatVar(cmd, &o.format, "Form of the output")
	return cmd
}

func runStatus(ctx context.Context, a *app, o statusOptions) error {
	stack, err := a.stackName(ctx)
	if err != nil {
		return err
	}
	if o.watch {
		return a.watchStatus(ctx, stack, o)
	}
	var status *swarm.Status
	err = a.operate(ctx, "status", stack, func(ctx context.Context, s session) error {
		status, err = s.Status(ctx, o.live, o.services...)
		return err
	})
	if err != nil {
		return err
	}
	tidy(status)
	table := func() error { return writeStatusTable(a.Out(), a.look(), status, a.now()) }
	if err := o.format.write(a.Out(), status, table); err != nil {
		return err
	}
	if len(status.Drift) > 0 {
		return &driftError{stack: status.Stack, differences: len(status.Drift)}
	}
	return nil
}

// How long a watch rests between two looks. With --live each look runs a job.
const (
	watchRest     = 2 * time.Second
	watchRestLive = 5 * time.Second
)

// watchStatus shows the status again and again, until ctx ends: that is how a watch ends. A failure
// after the first look is shown in its place: a manager may be back soon.
func (a *app) watchStatus(ctx context.Context, stack string, o statusOptions) error {
	onTerminal := a.Out().IsTerminal()
	view := &screen{out: a.Out(), size: a.Out().GetTtySize}
	rest := watchRest
	if o.live {
		rest = watchRestLive
	}
	for first := true; ; first = false {
		status, err := a.open(stack, nil).Status(ctx, o.live, o.services...)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && first:
			return err
		}
		if err := a.showStatus(view, onTerminal, status, err, o); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rest):
		}
	}
}

// showStatus shows one look: in the place of the one before on a terminal, below it elsewhere.
func (a *app) showStatus(view *screen, onTerminal bool, status *swarm.Status, failed error, o statusOptions) error {
	var text bytes.Buffer
	if failed != nil {
		fmt.Fprintln(&text, printable(failed.Error()))
	} else {
		tidy(status)
		if err := o.format.write(&text, status, func() error { return writeStatusTable(&text, a.look(), status, a.now()) }); err != nil {
			return err
		}
	}
	if !onTerminal || o.format.text != formatTable {
		_, err := a.Out().Write(text.Bytes())
		return err
	}
	height, width := view.dimensions()
	lines := strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
	lines = lines[:min(len(lines), height-1)]
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], width-1, "")
	}
	view.redraw(lines)
	return nil
}
