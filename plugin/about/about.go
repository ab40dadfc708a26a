// Package about says what this plugin is: to people, and to the docker CLI, which asks each time
// before it runs the plugin.
package about

import (
	"encoding/json"
	"io"
	"os"
	"slices"

	"github.com/docker/cli/cli-plugins/metadata"
)

// Version and Commit are set when a release is linked (-ldflags -X).
var (
	Version string
	Commit  string
)

// Command is the word behind docker.
const Command = "bluegreen"

// Short says in a line what the plugin does.
const Short = "Blue-green deployments on Docker Swarm"

// Most of the start of this plugin is the initialization of the packages that it is made of, and
// two questions need none of them: what docker asks before each command, and the version. Go
// initializes packages in the order of their paths, after those that they import: this one comes
// before nearly all. Where nothing was linked, the build information is needed, which comes late:
// then the command itself answers.
func init() {
	if Version == "" || len(os.Args) < 2 {
		return
	}
	var err error
	switch question := os.Args[1:]; {
	case slices.Equal(question, []string{metadata.MetadataSubcommandName}):
		err = answer(os.Stdout)
	case Commit != "" && slices.Equal(question, []string{Command, "version"}):
		err = ThisBuild().WriteText(os.Stdout)
	default:
		return
	}
	if err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// answer writes Metadata as docker/cli does for plugins.
func answer(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "     ")
	return e.Encode(Metadata(Version))
}

// Metadata is what the docker CLI wants to know of this version.
func Metadata(version string) metadata.Metadata {
	return metadata.Metadata{
		SchemaVersion:    "0.1.0",
		Vendor:           "docker-bluegreen",
		Version:          version,
		ShortDescription: Short,
		URL:              "https://github.com/docker-bluegreen/docker-bluegreen",
	}
}
