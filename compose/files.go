package compose

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

const stdinFile = "-"

// sources are the compose files of a project, read, and what is around them.
type sources struct {
	files []types.ConfigFile
	texts []source
	// names are the files as the user named them, for messages.
	names string
	// dir is the folder that relative paths in the files start from.
	dir string
	env *environment
}

// read finds and reads the files of a project and its environment.
func read(o Options) (*sources, error) {
	wd, err := o.workingDir()
	if err != nil {
		return nil, err
	}
	env := newEnvironment(o.Environ)
	paths, err := find(o, wd, env)
	if err != nil {
		return nil, err
	}
	src := &sources{names: shown(paths), dir: projectDir(wd, paths), env: env}
	if err := src.readEnv(o, wd); err != nil {
		return nil, err
	}
	for _, path := range paths {
		file, err := readFile(o, wd, path)
		if err != nil {
			return nil, err
		}
		text := source{name: shown([]string{path}), lines: strings.Split(string(file.Content), "\n"), root: parse(file.Content)}
		file.Content = publishedAsText(file.Content, text.root)
		src.files, src.texts = append(src.files, file), append(src.texts, text)
	}
	return src, nil
}

// shown are the files as messages name them.
func shown(paths []string) string {
	names := slices.Clone(paths)
	for i, path := range paths {
		if path == stdinFile {
			names[i] = "standard input"
		}
	}
	return strings.Join(names, ", ")
}

func (s *sources) readEnv(o Options, wd string) error {
	if len(o.EnvFiles) == 0 {
		return s.env.readDotEnv(s.dir)
	}
	paths := make([]string, len(o.EnvFiles))
	for i, path := range o.EnvFiles {
		paths[i] = within(wd, path)
	}
	return s.env.readFiles(paths)
}

// projectDir is the folder of the first file, as for docker compose and docker stack deploy.
func projectDir(wd string, paths []string) string {
	for _, path := range paths {
		if path != stdinFile {
			return filepath.Dir(within(wd, path))
		}
	}
	return wd
}

func readFile(o Options, wd, path string) (types.ConfigFile, error) {
	content, abs, err := []byte(nil), path, error(nil)
	if path == stdinFile {
		content, err = io.ReadAll(o.stdin())
	} else {
		abs = within(wd, path)
		content, err = readRegular(abs)
	}
	if err != nil {
		return types.ConfigFile{}, fmt.Errorf("compose file %s: %w", shown([]string{path}), err)
	}
	return types.ConfigFile{Filename: abs, Content: firstDocument(content)}, nil
}

func readRegular(path string) ([]byte, error) {
	if err := checkReadable(path); err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	return content, cause(err)
}

// checkReadable returns what keeps path from being read, without repeating the path.
func checkReadable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return cause(err)
	}
	if info.IsDir() {
		return errIsDir
	}
	return nil
}

func cause(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
