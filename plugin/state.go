package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// The defaults of --max and --retry-after.
const (
	defaultPause = 30 * time.Second
	defaultAway  = time.Minute
)

func newPauseCommand(a *app) *cobra.Command {
	var longest time.Duration
	cmd := newStateCommand(a, plan.Pause, &cobra.Command{
		Use:   "pause [OPTIONS] [SERVICE...]",
		Short: "Let requests wait",
		Long: `Let the requests of blue-green services wait in the proxies, with one order to all of
them, until resume. Without names, pause all blue-green services of the stack.

No request is lost that waits for less than --max. Then they go on in the order in
which they came, as each proxy saw it. A request that waits for longer gets status
503 and Retry-After. Requests that have reached a color already end there.
Connections of mode tcp wait for 20 seconds at most.

A pause stays when proxies restart, and during a flip, an up and a rollback: so traffic
can move while nothing runs. Requests to preview.port do not wait.`,
		Example: `  # Move a database without a lost request
  docker bluegreen pause -p shop --max 20s
  ./move-database
  docker bluegreen resume -p shop`,
	}, func() (plan.State, error) {
		s := plan.State{Kind: plan.Hold, Seconds: int(longest.Seconds())}
		if longest < time.Second || longest > plan.MaxPause {
			return s, badFlag("pause", fmt.Sprintf("--max %s is not between 1s and %s", longest, plan.MaxPause))
		}
		return s, nil
	})
	spanVar(cmd.Flags(), &longest, "max", defaultPause, "Longest wait of a request")
	return cmd
}

func newResumeCommand(a *app) *cobra.Command {
	return newStateCommand(a, plan.Resume, &cobra.Command{
		Use:   "resume [OPTIONS] [SERVICE...]",
		Short: "End a pause",
		Long: `End the pause of blue-green services, with one order to all proxies. Without names, do
this for all blue-green services of the stack. Requests that wait go on to the color
that is active now. If a service is not paused, resume changes nothing, and the exit code
is 0.`,
		Example: `  docker bluegreen resume -p shop`,
	}, nil)
}

func newMaintenanceCommand(a *app) *cobra.Command {
	var away time.Duration
	var message string
	cmd := newStateCommand(a, plan.Maintain, &cobra.Command{
		Use:   "maintenance [OPTIONS] [SERVICE...]",
		Short: "Refuse requests, with a message or a page",
		Long: `Answer the requests of blue-green services with status 503 and Retry-After, with one
order to all proxies, until live. Without names, do this for all blue-green services of
the stack. Connections of mode tcp are closed.

Clients get --message. Without it, they get the HTML page of x-bluegreen.maintenance, or
"Down for maintenance" if the file names no page.

The colors run on. Maintenance stays when proxies restart, and during a flip, an up and
a rollback. Requests to preview.port still reach the idle color.`,
		Example: `  docker bluegreen maintenance -p shop --message 'Back at ten' --retry-after 30m web
  docker bluegreen live -p shop web`,
	}, func() (plan.State, error) {
		s := plan.State{Kind: plan.Stop, Seconds: int(away.Seconds()), Message: message}
		switch {
		case away < time.Second || away > plan.MaxAway:
			return s, badFlag("maintenance", fmt.Sprintf("--retry-after %s is not between 1s and %s", away, plan.MaxAway))
		case len(message) > plan.MaxMessage:
			return s, badFlag("maintenance", fmt.Sprintf("--message has %d bytes, and at most %d are possible: the message is a part of the route", len(message), plan.MaxMessage))
		}
		return s, nil
	})
	spanVar(cmd.Flags(), &away, "retry-after", defaultAway, "When clients are told to come again")
	cmd.Flags().StringVar(&message, "message", "", "What clients are told, up to 60 bytes (default: the page of the file, else Down for maintenance)")
	return cmd
}

func newLiveCommand(a *app) *cobra.Command {
	return newStateCommand(a, plan.Live, &cobra.Command{
		Use:   "live [OPTIONS] [SERVICE...]",
		Short: "End maintenance",
		Long: `End the maintenance of blue-green services, with one order to all proxies. Without
names, do this for all blue-green services of the stack. If a service is not in
maintenance, live changes nothing, and the exit code is 0.`,
		Example: `  docker bluegreen live -p shop web`,
	}, nil)
}

// newStateCommand completes a command that changes what proxies do with requests. state returns
// what its flags say; nil if there is nothing to say.
func newStateCommand(a *app, command plan.Command, cmd *cobra.Command, state func() (plan.State, error)) *cobra.Command {
	var o plan.FlipOptions
	var dry dryRun
	cmd.ValidArgsFunction = a.completeServices(0)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		o.Services = args
		if state != nil {
			if o.State, err = state(); err != nil {
				return err
			}
		}
		return dry.runTurn(cmd, a, o, func(op operator, ctx context.Context, o plan.FlipOptions) error { return op.State(ctx, command, o) },
			func(op operator, ctx context.Context, o plan.FlipOptions) (plan.Plan, error) {
				return op.PlanState(ctx, command, o)
			})
	}
	dry.install(cmd)
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}
