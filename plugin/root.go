package plugin

import (
	"fmt"
	"strings"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"
)

const short = "Blue-green deployments on Docker Swarm"

const rootLong = `Deploy a stack file to Docker Swarm, and bring new versions of its services up
beside the old ones without losing a request.

A service of the file that has x-bluegreen gets two colors behind a proxy that
carries the service's name, ports and alias. A new version goes to the idle
color. When it is healthy, as the proxies see it, the alias is re-pointed in all
proxies at once. The old color stays, so the way back is the same switch.
All other services are deployed as docker stack deploy does.

Without --file the compose file is found as docker compose finds it. flip,
rollback, status and down need no file when --project-name names the stack.

Exit codes:
`

// newRootCommand returns docker bluegreen with all its commands.
func newRootCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:              "bluegreen",
		Short:            short,
		Long:             rootLong + exitCodeHelp(),
		Args:             cli.NoArgs,
		RunE:             command.ShowHelp(a.Err()),
		TraverseChildren: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := a.initialize(cmd, args); err != nil {
				return err
			}
			// The docker CLI replaces the context of the command in its own hook.
			cmd.SetContext(a.signals.watch(cmd.Context()))
			return nil
		},
	}
	a.common.install(cmd)
	cmd.AddCommand(
		newUpCommand(a),
		newFlipCommand(a),
		newRollbackCommand(a),
		newStatusCommand(a),
		newConfigCommand(a),
		newDownCommand(a),
		newVersionCommand(a),
	)
	return cmd
}

func exitCodeHelp() string {
	var b strings.Builder
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "  %3d  %s\n", c.Code, c.Meaning)
	}
	return b.String()
}
