package compose

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// checkKeys finds keys that stand twice in one mapping, all of them: which of the two values counts
// nobody can tell.
func (s *sources) checkKeys() error {
	var errs []error
	for _, text := range s.texts {
		errs = append(errs, keysTwice(text, text.root)...)
	}
	return errors.Join(errs...)
}

func keysTwice(text source, node *yaml.Node) []error {
	if node == nil {
		return nil
	}
	var errs []error
	if node.Kind == yaml.MappingNode {
		first := map[string]int{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if line, ok := first[key.Value]; ok && key.Kind == yaml.ScalarNode {
				errs = append(errs, placedError{text.problem(key, fmt.Sprintf("the key %s is in line %d already: keep one of them%s",
					key.Value, line, joined(key)))})
				continue
			}
			first[key.Value] = key.Line
		}
	}
	for _, child := range node.Content {
		errs = append(errs, keysTwice(text, child)...)
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
