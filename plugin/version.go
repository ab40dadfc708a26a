package plugin

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/plugin/about"
)

// versionInfo is what docker bluegreen version tells. Its JSON form is stable.
type versionInfo struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	GoVersion string `json:"go_version"`
	// Platform is the operating system and the architecture, for example linux/amd64.
	Platform string `json:"platform"`
}

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
			return runVersion(a.Out(), buildVersion(), f)
		},
	}
	formatVar(cmd, &f, "Form of the output")
	return cmd
}

func runVersion(out io.Writer, v versionInfo, f format) error {
	return f.write(out, v, func() error {
		w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		fmt.Fprintf(w, "Version:\t%s\nCommit:\t%s\nGo version:\t%s\nOS/Arch:\t%s\n", v.Version, v.Commit, v.GoVersion, v.Platform)
		return w.Flush()
	})
}

// buildVersion tells what this binary was built from: what was linked, and where that is empty what
// the go command has recorded.
func buildVersion() versionInfo {
	v := versionInfo{
		Version: about.Version, Commit: about.Commit,
		GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		v.complete(info)
	}
	if v.Version == "" {
		v.Version = "dev"
	}
	if v.Commit == "" {
		v.Commit = "unknown"
	}
	return v
}

// complete fills in what was not set at link time.
func (v *versionInfo) complete(info *debug.BuildInfo) {
	if v.Version == "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	if v.Commit != "" {
		return
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value + v.Commit
		case s.Key == "vcs.modified" && s.Value == "true":
			v.Commit += " (modified)"
		}
	}
}
