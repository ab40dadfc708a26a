// Package about says what this plugin is: to people, and to the docker CLI, which asks each time
// before it runs the plugin.
package about

import (
	"encoding/json"
	"io"
	"os"

	"github.com/docker/cli/cli-plugins/metadata"
)

// Version and Commit are set when a release is linked (-ldflags -X).
var (
	Version string
	Commit  string
)

// Short says in a line what the plugin does.
const Short = "Blue-green deployments on Docker Swarm"

// The docker CLI starts the plugin twice for each command: first with one argument, to ask what it
// is. The answer needs none of the packages that the plugin is made of, and most of its start is
// their initialization. Go initializes packages in the order of their paths, after those that they
// import: this one comes before nearly all. Where no version was linked, the build information is
// needed, which comes late: then RunPlugin answers.
func init() {
	if Version == "" || len(os.Args) != 2 || os.Args[1] != metadata.MetadataSubcommandName {
		return
	}
	if err := answer(os.Stdout); err != nil {
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
