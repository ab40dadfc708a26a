package plugin

import (
	"fmt"
	"strings"

	"github.com/docker/cli/cli/command"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/about"
)

const rootLong = `Deploy a stack file to Docker Swarm. A new release of a service starts beside the
old one, and traffic moves without a lost request.

A service with x-bluegreen in the file gets two colors, blue and green, behind a
proxy service. The proxy service has the service's name, ports and alias. A new
release goes to the idle color. When every proxy sees it ready, all proxies flip:
they send traffic to that color. The old color stays, so a rollback is another flip.
Services without x-bluegreen are deployed as with docker stack deploy.

Without --file, the plugin finds the compose file as docker compose does. With
--project-name, only up and config need a file.

Exit codes:
`

// newRootCommand returns docker bluegreen with all its commands.
func newRootCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   about.Command,
		Short: about.Short,
		Long:  rootLong + exitCodeHelp(),
		Example: `  docker bluegreen up -c stack.yml -p shop    # a new release, beside the old one
  docker bluegreen status -p shop             # which color is active
  docker bluegreen rollback -p shop           # back, in about a second`,
		Args:             noCommand,
		RunE:             command.ShowHelp(a.Err()),
		TraverseChildren: true,
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := fromVariables(cmd, a.getenv); err != nil {
				return err
			}
			if err := a.initialize(cmd, args); err != nil {
				return err
			}
			a.guardStreams()
			// The docker CLI replaces the context of the command in its own hook.
			cmd.SetContext(a.signals.watch(cmd.Context()))
			return nil
		},
	}
	a.common.install(cmd)
	must(cmd.RegisterFlagCompletionFunc("project-name", a.completeStacks()))
	must(cmd.RegisterFlagCompletionFunc("profile", a.completeProfiles()))
	cmd.AddGroup(groups...)
	cmd.AddCommand(grouped(groupRelease, newUpCommand(a), newPromoteCommand(a), newRollbackCommand(a), newFlipCommand(a), newCanaryCommand(a),
		newWaitCommand(a), newDownCommand(a))...)
	cmd.AddCommand(grouped(groupTraffic, newPauseCommand(a), newResumeCommand(a), newMaintenanceCommand(a), newLiveCommand(a))...)
	cmd.AddCommand(grouped(groupLook, newStatusCommand(a), newHistoryCommand(a), newLsCommand(a), newLogsCommand(a), newEventsCommand(a), newDoctorCommand(a), newDashboardCommand(a))...)
	cmd.AddCommand(newConfigCommand(a), newVersionCommand(a))
	for _, c := range cmd.Commands() {
		c.SuggestFor = meant[c.Name()]
	}
	installHelp(cmd, func() int {
		_, width := (&screen{size: a.Out().GetTtySize}).dimensions()
		return width
	})
	return cmd
}

func exitCodeHelp() string {
	var b strings.Builder
	for _, c := range exitCodes {
		fmt.Fprintf(&b, "  %3d  %s\n", c.Code, c.Meaning)
	}
	return b.String()
}
