package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

func newWaitCommand(a *app) *cobra.Command {
	var o plan.FlipOptions
	cmd := &cobra.Command{
		Use:   "wait [OPTIONS] [SERVICE...]",
		Short: "Wait until the proxies have watched a release for its time",
		Long: `Wait until the proxies do not watch the releases of these services any more: see
guard in the file. Without names, wait for all blue-green services of the stack. wait
shows what the proxies count, ends the guard when its time is over, and scales the
former color to 0 with keep: cold.

Exit code 0 means: the time is over, or no release is watched. 3 means: the proxies have
taken the traffic back, and the message says why. If another command moves the traffic
meanwhile, wait exits with 1.

The proxies watch whether or not a command waits.`,
		Example: `  # Deploy, and leave the proxies alone with the new release
  docker bluegreen up -p shop --detach

  # Later: has it kept its traffic?
  docker bluegreen wait -p shop`,
		ValidArgsFunction: a.completeServices(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Services = args
			stack, err := a.stackName(cmd.Context())
			if err != nil {
				return err
			}
			return a.change(cmd.Context(), cmd.Name(), stack, func(ctx context.Context, s session) error { return s.Wait(ctx, o) })
		},
	}
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}
