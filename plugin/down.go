package plugin

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

func newDownCommand(a *app) *cobra.Command {
	var o swarm.DownOptions
	cmd := &cobra.Command{
		Use:   "down [OPTIONS]",
		Short: "Remove the stack",
		Long: `Remove all that up made for the stack: services, colors, proxies, networks, secrets
and configs, and nothing else. Volumes and external networks stay. It returns when
all of it is gone.`,
		Example:           `  docker bluegreen down -p shop`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDown(cmd.Context(), a, o)
		},
	}
	lockTimeoutVar(cmd, &o.LockTimeout)
	return cmd
}

func runDown(ctx context.Context, a *app, o swarm.DownOptions) error {
	stack, err := a.stackName(ctx)
	if err != nil {
		return err
	}
	return a.operate(ctx, "down", stack, func(ctx context.Context, s session) error {
		return s.Down(ctx, o)
	})
}
