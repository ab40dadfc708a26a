package compose

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// checkAnchors finds aliases that stand within their own anchors: compose-go follows such a one
// until the stack ends, which no recover catches.
func (s *sources) checkAnchors() error {
	for _, file := range s.files {
		var document yaml.Node
		if yaml.Unmarshal(file.Content, &document) != nil {
			continue // Loading says what is wrong.
		}
		if err := checkAliases(&document, nil); err != nil {
			return s.of(file, err)
		}
	}
	return nil
}

// checkAliases looks below a node; above are those that hold it. An alias names an anchor that
// stands before it, so a circle is always one through a node that holds the alias.
func checkAliases(node *yaml.Node, above []*yaml.Node) error {
	if node.Kind == yaml.AliasNode && slices.Contains(above, node.Alias) {
		return fmt.Errorf("line %d: *%s is inside its own anchor &%s: take it out", node.Line, node.Value, node.Value)
	}
	above = append(above, node)
	for _, child := range node.Content {
		if err := checkAliases(child, above); err != nil {
			return err
		}
	}
	return nil
}
