package plugin

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/docker/cli/cli"
	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/spf13/cobra"
)

// Version and Commit are set when a release is linked (-ldflags -X). When they are empty, what
// the go command has recorded is used.
var (
	Version string
	Commit  string
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
	var format string
	cmd := &cobra.Command{
		Use:               "version [OPTIONS]",
		Short:             "Show the version of the plugin",
		Long:              "Show the version of the plugin. It needs no engine.",
		Example:           "  docker bluegreen version --format json",
		Args:              cli.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			return runVersion(a.Out(), buildVersion(), format)
		},
	}
	formatVar(cmd, &format)
	return cmd
}

func runVersion(out io.Writer, v versionInfo, format string) error {
	if format == formatJSON {
		return writeJSON(out, v)
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "Version:\t%s\nCommit:\t%s\nGo version:\t%s\nOS/Arch:\t%s\n", v.Version, v.Commit, v.GoVersion, v.Platform)
	return w.Flush()
}

// buildVersion tells what this binary was built from.
func buildVersion() versionInfo {
	v := versionInfo{
		Version: Version, Commit: Commit,
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

// Values of --format.
const (
	formatTable = "table"
	formatJSON  = "json"
)

func formatVar(cmd *cobra.Command, p *string) {
	enumVar(cmd, cmd.Flags(), p, "format", formatTable, []string{formatTable, formatJSON}, "Form of the output")
}

// writeJSON writes v for machines and for people who look over their shoulders.
func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
