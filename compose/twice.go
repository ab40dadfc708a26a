package compose

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v4"
)

// checkKeys finds keys that stand twice in one mapping, all of them: which of the two values counts
// nobody can tell.
func (s *sources) checkKeys() error {
	var errs []error
	for _, file := range s.files {
		var document yaml.Node
		if yaml.Unmarshal(file.Content, &document) != nil {
			continue // Loading says what is wrong.
		}
		for _, err := range keysTwice(&document) {
			errs = append(errs, s.of(file, err))
		}
	}
	return errors.Join(errs...)
}

// of says which of several files an error is about.
func (s *sources) of(file types.ConfigFile, err error) error {
	if len(s.files) < 2 {
		return err
	}
	return fmt.Errorf("%s: %w", filepath.Base(file.Filename), err)
}

func keysTwice(node *yaml.Node) []error {
	var errs []error
	if node.Kind == yaml.MappingNode {
		first := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if line, ok := first[key.Value]; ok && key.Kind == yaml.ScalarNode {
				errs = append(errs, fmt.Errorf("line %d: the key %s is in line %d already: keep one of them%s", key.Line, key.Value, line, joined(key)))
				continue
			}
			first[key.Value] = key.Line
		}
	}
	for _, child := range node.Content {
		errs = append(errs, keysTwice(child)...)
	}
	return errs
}

// joined is a hint for who merges two mappings with two keys.
func joined(key *yaml.Node) string {
	if key.Value == "<<" {
		return ", with a list, as in <<: [*a, *b]"
	}
	return ""
}
