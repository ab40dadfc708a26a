package compose

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"
)

// checkAnchors finds aliases that stand within their own anchors: compose-go follows such a one
// until the stack ends, which no recover catches.
func (s *sources) checkAnchors() error {
	for _, text := range s.texts {
		if alias := aliasInItself(text.root, nil); alias != nil {
			return placedError{text.problem(alias, fmt.Sprintf("*%s is inside its own anchor &%s: take it out", alias.Value, alias.Value))}
		}
	}
	return nil
}

// aliasInItself looks below a node; above are those that hold it. An alias names an anchor that
// stands before it, so a circle is always one through a node that holds the alias.
func aliasInItself(node *yaml.Node, above []*yaml.Node) *yaml.Node {
	if node == nil || node.Kind == yaml.AliasNode && slices.Contains(above, node.Alias) {
		return node
	}
	above = append(above, node)
	for _, child := range node.Content {
		if alias := aliasInItself(child, above); alias != nil {
			return alias
		}
	}
	return nil
}
