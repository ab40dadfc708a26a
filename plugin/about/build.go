package about

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// Build is what docker bluegreen version tells. Its JSON form is stable.
type Build struct {
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	GoVersion string `json:"go_version"`
	// Platform is the operating system and the architecture, for example linux/amd64.
	Platform string `json:"platform"`
}

// ThisBuild tells what this binary was built from: what was linked, and where that is empty what
// the go command has recorded.
func ThisBuild() Build {
	b := Build{
		Version: Version, Commit: Commit,
		GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	if b.Version == "" || b.Commit == "" {
		if info, ok := debug.ReadBuildInfo(); ok {
			b.complete(info)
		}
	}
	if b.Version == "" {
		b.Version = "dev"
	}
	if b.Commit == "" {
		b.Commit = "unknown"
	}
	return b
}

// WriteText writes it for people.
func (b Build) WriteText(out io.Writer) error {
	_, err := fmt.Fprintf(out, "Version:     %s\nCommit:      %s\nGo version:  %s\nOS/Arch:     %s\n", b.Version, b.Commit, b.GoVersion, b.Platform)
	return err
}

// complete fills in what was not set at link time.
func (b *Build) complete(info *debug.BuildInfo) {
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if b.Commit != "" {
		return
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			b.Commit = s.Value + b.Commit
		case s.Key == "vcs.modified" && s.Value == "true":
			b.Commit += " (modified)"
		}
	}
}
