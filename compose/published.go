package compose

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

var plainNumber = lazy(`^[1-9][0-9]*$`)

// publishedAsText puts published ports that are written as numbers in quotes. compose-go compares
// ports of several files as text, and would take a port that is a number in one file and text in
// another for two. root is the document that the content holds.
func publishedAsText(content []byte, root *yaml.Node) []byte {
	var numbers []*yaml.Node
	eachValue(valueOf(root, "services"), func(service *yaml.Node) {
		if ports := valueOf(service, "ports"); ports != nil && ports.Kind == yaml.SequenceNode {
			for _, port := range ports.Content {
				if n := valueOf(port, "published"); n != nil && n.Anchor == "" && n.Style == 0 && plainNumber().MatchString(n.Value) {
					numbers = append(numbers, n)
				}
			}
		}
	})
	lines := linesOf(string(content))
	slices.SortFunc(numbers, func(a, b *yaml.Node) int { return b.Column - a.Column }) // what is changed is behind what follows
	for _, n := range numbers {
		if n.Line > len(lines) {
			continue
		}
		line := []rune(lines[n.Line-1])
		at := n.Column - 1
		if end := at + len(n.Value); end <= len(line) && string(line[at:end]) == n.Value {
			lines[n.Line-1] = string(line[:at]) + `"` + n.Value + `"` + string(line[end:])
		}
	}
	return []byte(strings.Join(lines, ""))
}

// lineBreak is what YAML counts lines by: 1.1 has three characters of Unicode beside the usual ones
// (5.4, b-break).
var lineBreak = lazy("\r\n|[\r\n\u0085\u2028\u2029]")

// linesOf are the lines of a YAML text, with their ends.
func linesOf(text string) []string {
	var lines []string
	begin := 0
	for _, at := range lineBreak().FindAllStringIndex(text, -1) {
		lines = append(lines, text[begin:at[1]])
		begin = at[1]
	}
	return append(lines, text[begin:])
}

// valueOf is the value of a key of a mapping, nil where there is none.
func valueOf(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// eachValue runs f for the values of a mapping.
func eachValue(node *yaml.Node, f func(*yaml.Node)) {
	if node == nil || node.Kind != yaml.MappingNode {
		return
	}
	for i := 1; i < len(node.Content); i += 2 {
		f(node.Content[i])
	}
}
