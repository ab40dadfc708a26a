package compose

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/consts"
)

// find returns the paths of the files, as the user would name them.
func find(o Options, wd string, env *environment) ([]string, error) {
	if len(o.Files) > 0 {
		return o.Files, nil
	}
	// COMPOSE_FILE may itself stand in a .env of the working directory.
	if len(o.EnvFiles) == 0 {
		if err := env.readDotEnv(wd); err != nil {
			return nil, err
		}
	}
	if list, ok := env.lookup(consts.ComposeFilePath); ok {
		separator := env.all[consts.ComposePathSeparator]
		if separator == "" {
			separator = string(os.PathListSeparator)
		}
		if paths := splitList(list, separator); len(paths) > 0 {
			return paths, nil
		}
	}
	return discover(wd)
}

// ErrNoFile says that no file was named, and none was found.
var ErrNoFile = errors.New("no compose file")

// discover looks for the files that docker compose takes by default, in dir and the folders above
// it.
func discover(dir string) ([]string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		if main := firstExisting(at, cli.DefaultFileNames); main != "" {
			paths := []string{main}
			if override := firstExisting(at, cli.DefaultOverrideFileNames); override != "" {
				paths = append(paths, override)
			}
			return relativeTo(dir, paths), nil
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("%w (%s) in %s or above: name one with -f",
				ErrNoFile, strings.Join(cli.DefaultFileNames, ", "), dir)
		}
	}
}

// relativeTo shortens paths for messages where that is possible.
func relativeTo(dir string, paths []string) []string {
	for i, path := range paths {
		if rel, err := filepath.Rel(dir, path); err == nil {
			paths[i] = rel
		}
	}
	return paths
}

func firstExisting(dir string, names []string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	return ""
}
