package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// environment is the environment of a service as docker stack deploy makes it: env_file as raw
// text, over it environment; a variable without a value, or with an empty one, is filled from the
// shell, and one that is set nowhere stays as a bare name.
func (m *model) environment(s types.ServiceConfig, raw map[string]any) ([]string, error) {
	merged := map[string]*string{}
	fromFiles, err := m.envFiles(s.EnvFiles)
	if err != nil {
		return nil, err
	}
	m.fillFromShell(merged, fromFiles)
	m.fillFromShell(merged, variables(raw["environment"]))
	var out []string
	for name, value := range merged {
		if value != nil {
			name += "=" + *value
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out, nil
}

// fillFromShell adds vars to merged. A .env file fills only what has no value at all: to override
// an empty one is a peculiarity of docker stack deploy, which knows no .env.
func (m *model) fillFromShell(merged, vars map[string]*string) {
	for name, value := range vars {
		lookup := m.env.lookup
		if value != nil {
			lookup = m.env.lookupShell
		}
		if found, ok := lookup(name); ok && (value == nil || *value == "") {
			value = &found
		}
		merged[name] = value
	}
}

// variables reads environment in either form; nil stands for a variable without a value.
func variables(value any) map[string]*string {
	vars := map[string]*string{}
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			vars[name] = nil
			if item != nil {
				text := tree.Scalar(item)
				vars[name] = &text
			}
		}
	case []any:
		for _, item := range v {
			name, text, ok := strings.Cut(tree.Scalar(item), "=")
			vars[name] = nil
			if ok {
				vars[name] = &text
			}
		}
	}
	return vars
}

func (m *model) envFiles(files []types.EnvFile) (map[string]*string, error) {
	vars := map[string]*string{}
	for _, file := range files {
		content, err := readRegular(file.Path)
		if errors.Is(err, fs.ErrNotExist) && !bool(file.Required) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
		if err := m.parseEnvFile(content, vars); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return vars, nil
}

// parseEnvFile reads NAME=value lines. Quotes and blanks at the end are part of the value. A line
// without "=" takes its value from the shell and counts only if that has one. Errors never repeat a
// line's value.
func (m *model) parseEnvFile(content []byte, vars map[string]*string) error {
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	number := 0
	for raw := range bytes.SplitSeq(content, []byte("\n")) {
		number++
		raw = bytes.TrimSuffix(raw, []byte("\r"))
		if !utf8.Valid(raw) {
			return fmt.Errorf("line %d is not UTF-8", number)
		}
		line := strings.TrimLeftFunc(string(raw), unicode.IsSpace)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("line %d has no name without blanks before the =: write NAME=value", number)
		}
		if !ok {
			if value, ok = m.env.lookupShell(name); !ok {
				continue
			}
		}
		vars[name] = &value
	}
	return nil
}
