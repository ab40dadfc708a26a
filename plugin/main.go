// Package plugin is what a person types and sees: the commands of docker bluegreen,
// their flags, progress, tables and exit codes.
package plugin

import (
	"fmt"
	"os"

	"github.com/docker/cli/cli-plugins/plugin"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/debug"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/about"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Command returns docker bluegreen with all its commands, to write its manual from. It is not to be
// run.
func Command() (*cobra.Command, error) {
	cli, err := command.NewDockerCli()
	if err != nil {
		return nil, err
	}
	docker := &cobra.Command{Use: "docker"}
	root := newRootCommand(newApp(cli))
	docker.AddCommand(root)
	return root, nil
}

// Main runs the plugin with the arguments of the process and returns its exit code.
// An error is printed here and nowhere else.
func Main() int {
	otel.SetErrorHandler(debug.OTELErrorHandler)
	cli, err := command.NewDockerCli()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return cluster.ExitError
	}
	a := newApp(cli)
	err = plugin.RunPlugin(cli, newRootCommand(a), about.Metadata(about.ThisBuild().Version))
	if err != nil {
		a.reportError(err)
	}
	return exitCode(err)
}
