package compose

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/dotenv"
)

// environment is where variables of the files come from.
type environment struct {
	// shell is the environment of the command.
	shell map[string]string
	// all is shell and, where it does not set a variable, the env files.
	all map[string]string
	// dotEnv are the variables that only a .env found beside the files sets.
	dotEnv map[string]bool
	// used are those of dotEnv that were asked for.
	used map[string]bool
	// warnings are about the env files.
	warnings []string
}

func newEnvironment(environ []string) *environment {
	shell := map[string]string{}
	for _, entry := range environ {
		// On Windows there are entries that begin with "=", which are no variables.
		if key, value, ok := strings.Cut(entry, "="); ok && key != "" {
			shell[key] = value
		}
	}
	return &environment{shell: shell, all: maps.Clone(shell), dotEnv: map[string]bool{}, used: map[string]bool{}}
}

// lookup finds a variable in the shell or an env file.
func (e *environment) lookup(key string) (string, bool) {
	value, ok := e.all[key]
	if e.dotEnv[key] {
		e.used[key] = true
	}
	return value, ok
}

// lookupShell finds a variable in the environment of the command alone.
func (e *environment) lookupShell(key string) (string, bool) {
	value, ok := e.shell[key]
	return value, ok
}

// readFiles adds the variables of env files that must exist.
func (e *environment) readFiles(paths []string) error {
	for _, path := range paths {
		if err := e.add(path, false); err != nil {
			return err
		}
	}
	return nil
}

// readDotEnv adds the variables of the .env in dir, if there is one.
func (e *environment) readDotEnv(dir string) error {
	if off, err := strconv.ParseBool(e.shell[consts.ComposeDisableDefaultEnvFile]); err == nil && off {
		return nil
	}
	err := e.add(filepath.Join(dir, ".env"), true)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, errIsDir) {
		return nil
	}
	return err
}

var errIsDir = errors.New("is a folder")

func (e *environment) add(path string, found bool) error {
	if err := checkReadable(path); err != nil {
		return fmt.Errorf("env file %s: %w", path, err)
	}
	var values map[string]string
	cut, err := captureLogs(func() (err error) {
		values, err = dotenv.GetEnvFromFile(e.all, []string{path})
		return err
	})
	if err != nil {
		return fmt.Errorf("env file %s: %s: write one NAME=value a line", path, withoutContent(err))
	}
	if len(cut) > 0 {
		e.warnings = append(e.warnings, fmt.Sprintf("env file %s: %s: its $ starts the name of a variable that is not set, so both are removed: "+
			"put the value in single quotes, as in NAME='a$b'", path, valueCut(path, cut)))
	}
	for key, value := range values {
		if _, set := e.all[key]; set {
			continue
		}
		e.all[key] = value
		e.dotEnv[key] = found
	}
	return nil
}

// valueCut says whose values refer to variables that are not set, without a word of the values:
// they may be passwords.
func valueCut(path string, warnings []string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "a value"
	}
	var keys []string
	for line := range strings.Lines(string(content)) {
		key, value, ok := strings.Cut(line, "=")
		for _, w := range warnings {
			name, _, _ := strings.Cut(strings.TrimPrefix(w, unsetWarning), " ")
			if ok && (strings.Contains(value, "$"+name) || strings.Contains(value, "${"+name)) {
				keys = append(keys, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(key), "export ")))
			}
		}
	}
	if slices.Sort(keys); len(keys) == 0 {
		return "a value"
	}
	return "the value of " + strings.Join(slices.Compact(keys), ", ")
}

var lineNumber = lazy(`line \d+`)

// withoutContent says where an env file is wrong without repeating the line, which may hold a
// password.
func withoutContent(err error) string {
	if line := lineNumber().FindString(err.Error()); line != "" {
		return line + " is not a variable"
	}
	return "cannot be read as variables"
}

// note says which variables came from a .env, since docker stack deploy does not read one.
func (e *environment) note() []string {
	if len(e.used) == 0 {
		return nil
	}
	names := strings.Join(slices.Sorted(maps.Keys(e.used)), ", ")
	return []string{"the .env file sets " + names + "; docker stack deploy does not read it"}
}
