package compose

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Options say which files make up a project and what is around them.
type Options struct {
	// Files are the compose files, relative to Dir; "-" is Stdin. When empty they are found as
	// docker compose finds them: COMPOSE_FILE, else compose.yaml, compose.yml, docker-compose.yml
	// or docker-compose.yaml with its override file, in Dir or the nearest folder above it.
	Files []string
	// Name is the name of the stack when it is given on the command line.
	Name string
	// EnvFiles replace the .env beside the first file.
	EnvFiles []string
	// Profiles are the active profiles; when empty, those in COMPOSE_PROFILES.
	Profiles []string
	// Dir is the working directory; empty means the current one.
	Dir string
	// Environ is the environment in the form of os.Environ.
	Environ []string
	// Stdin is where the file "-" is read from; nil means os.Stdin.
	Stdin io.Reader
}

func (o Options) workingDir() (string, error) {
	return filepath.Abs(o.Dir)
}

func (o Options) stdin() io.Reader {
	if o.Stdin == nil {
		return os.Stdin
	}
	return o.Stdin
}

// within makes path absolute, relative to dir.
func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// splitList cuts a list such as COMPOSE_PROFILES and leaves out what is empty.
func splitList(list, separator string) []string {
	var items []string
	for item := range strings.SplitSeq(list, separator) {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
