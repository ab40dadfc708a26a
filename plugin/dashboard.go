package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/plugin/dashboard"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newDashboardCommand(a *app) *cobra.Command {
	var port uint16
	var open bool
	var lockTimeout time.Duration
	cmd := &cobra.Command{
		Use:   "dashboard [OPTIONS]",
		Short: "Show the stacks on a web page, with buttons",
		Long: `Show all stacks with blue-green services on a web page of this machine; with
--project-name, show one. The command prints the address of the page, and runs until
Ctrl-C.

The page has the releases of both colors, the share of each, requests and errors each
second, guards and pauses, who works on the stack, and the history. Its buttons do what
promote, rollback, pause, resume and live do, after a look at the plan. An action goes
on when its page is closed. Ctrl-C cancels it, as that of the command.

With --file, or a compose file in this folder, the page also shows what up would do.

The page can be opened on this machine only, and only with the token in the printed
address: who has it can do what you can do. While a page is in front, the proxies are
asked every 5 seconds, by a job on the swarm as for status --live.`,
		Example: `  docker bluegreen dashboard

  # One stack, in the browser of this machine
  docker bluegreen dashboard -p shop --open

  # The page of a manager, on a laptop: both ports must be the same
  ssh -t -L 8600:127.0.0.1:8600 manager docker bluegreen dashboard --port 8600`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDashboard(cmd.Context(), a, int(port), open, lockTimeout)
		},
	}
	cmd.Flags().Uint16Var(&port, "port", 0, "Port of the page on 127.0.0.1 (default: any that is free)")
	cmd.Flags().BoolVar(&open, "open", false, "Open the page in the browser of this machine")
	lockTimeoutVar(cmd, &lockTimeout)
	return cmd
}

func runDashboard(ctx context.Context, a *app, port int, open bool, lockTimeout time.Duration) error {
	if a.common.name != "" { // else all stacks are shown, whatever the file says
		if _, err := a.stackName(ctx); err != nil {
			return err
		}
	}
	file, err := a.dashboardFile(ctx)
	if err != nil {
		return err
	}
	server, err := dashboard.Listen(port, dashboard.Options{
		Stack:       a.common.name,
		File:        file,
		LockTimeout: lockTimeout,
		Rest:        watchRest,
		RestLive:    watchRestLive,
		Open:        func(stack string) dashboard.Operator { return a.open(stack, nil) },
		Change: func(doing context.Context, command, stack string, tell func(cluster.Event), do func(context.Context, dashboard.Operator) error) error {
			err := a.beside(tell).change(doing, command, stack, func(ctx context.Context, s session) error { return do(ctx, s) })
			if err != nil && ctx.Err() == nil { // else the command ends with it
				a.reportError(err)
			}
			return err
		},
		Outcome: func(err error) (string, int) { return errorText(err), exitCode(err) },
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(a.Out(), server.URL())
	fmt.Fprintln(a.Err(), "The page is for this machine only. Ctrl-C ends it.")
	if open {
		if err := openBrowser(server.OnceURL()); err != nil {
			fmt.Fprintf(a.Err(), "no browser could be opened: %v: open the address by hand\n", err)
		}
	}
	return server.Serve(ctx)
}

// beside returns an app that also gives its events to tell.
func (a *app) beside(tell func(cluster.Event)) *app {
	b := *a
	b.tell = func(e cluster.Event) {
		if e.Step != stopping.Step { // it says what to press on a terminal
			e.Text = printable(e.Text)
			tell(e)
		}
	}
	return &b
}

// dashboardFile is the stack file of the command line, nil if there is none.
func (a *app) dashboardFile(ctx context.Context) (*dashboard.File, error) {
	if slices.Contains(a.common.files, "-") {
		return nil, badFlag("dashboard", "the page reads the file each time it is asked for a plan: -f - cannot be read twice, so name a file")
	}
	o := a.composeOptions()
	o.Name = "" // the name alone needs no file
	name, err := orCanceled(ctx, func() (string, error) { return a.projectName(ctx, o) })
	switch {
	case errors.Is(err, compose.ErrNoFile):
		return nil, nil
	case err != nil && (len(a.common.files) > 0 || ctx.Err() != nil):
		return nil, err
	case err != nil:
		fmt.Fprintf(a.Err(), "the page has no plan of a file: %s\n", errorText(err))
		return nil, nil
	}
	return &dashboard.File{Stack: cmp.Or(a.common.name, name), Plan: a.dashboardPlan}, nil
}

// dashboardPlan plans what an up with the file of the command line would do now.
func (a *app) dashboardPlan(ctx context.Context) (plan.Plan, []string, error) {
	project, err := a.loadProject(ctx)
	if err != nil {
		return plan.Plan{}, nil, err
	}
	if err := a.knowsPrometheus(project); err != nil {
		return plan.Plan{}, nil, err
	}
	p, err := a.open(project.Name, nil).Plan(ctx, project, plan.UpOptions{ResolveImage: plan.ResolveAlways, RegistryAuth: a.auth})
	return p, project.Warnings, err
}
