package plugin

import (
	"io"

	"github.com/docker/cli/cli"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/about"
)

func newVersionCommand(a *app) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:               "version [OPTIONS]",
		Short:             "Show the version of the plugin",
		Long:              "Show the version of the plugin. It needs no engine.",
		Example:           "  docker bluegreen version --format '{{.Version}}'",
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			return runVersion(a.Out(), about.ThisBuild(), f)
		},
	}
	formatVar(cmd, &f, "Form of the output")
	return cmd
}

func runVersion(out io.Writer, b about.Build, f format) error {
	return f.write(out, b, func() error { return b.WriteText(out) })
}
