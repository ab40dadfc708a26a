package compose

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// source is a compose file as messages speak of it.
type source struct {
	// name is the file as the user named it.
	name string
	// lines are the lines of the file.
	lines []string
	// root is the first document of the file, nil where it is no YAML.
	root *yaml.Node
}

var (
	subject = lazy(`^(service|network|volume|secret|config) (\S+): `)
	index   = lazy(`^\.?\[?(\d+)\]?`) // compose-go writes .[0], and .0
	unknown = lazy(`: unknown key "?([^\s":;]+)`)
)

// pathOf is the path of keys that the line of an error is about: services.web.image of both
// "services.web.image: ..." and "service web: image: ...".
func pathOf(line string) string {
	path := ""
	rest := strings.TrimPrefix(line, "top of the file")
	if found := subject().FindStringSubmatch(line); found != nil {
		path = found[1] + "s." + found[2] + "."
		rest = line[len(found[0]):]
	}
	key, _, _ := strings.Cut(rest, ": ")
	path += key
	if found := unknown().FindStringSubmatch(rest); found != nil {
		path = strings.TrimPrefix(path+"."+found[1], ".")
	}
	return path
}

// find makes a problem of the line of an error: in the file in which its path leads farthest; the
// last of them is the one that counts.
func (s *sources) find(line string) Problem {
	path, at := pathOf(line), -1
	best, found := len(path), (*yaml.Node)(nil)
	for i, file := range s.texts {
		if node, rest := follow(file.root, path); node != nil && len(rest) <= best {
			best, found, at = len(rest), node, i
		}
	}
	if found == nil {
		return Problem{Text: line}
	}
	return s.texts[at].problem(found, line)
}

// follow goes down a path of keys as far as there are some, and returns the last key or item, and
// what is left of the path.
func follow(node *yaml.Node, path string) (found *yaml.Node, rest string) {
	for node != nil && path != "" {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		key, value, left := step(node, path)
		if key == nil {
			break
		}
		found, node, path = key, value, left
	}
	return found, path
}

// step goes from a node to what the beginning of a path names in it. Keys may have dots: the
// longest one counts.
func step(node *yaml.Node, path string) (key, value *yaml.Node, rest string) {
	if node.Kind == yaml.SequenceNode {
		found := index().FindStringSubmatch(path)
		if found == nil {
			return nil, nil, path
		}
		i, err := strconv.Atoi(found[1])
		if err != nil || i >= len(node.Content) {
			return nil, nil, path
		}
		return node.Content[i], node.Content[i], path[len(found[0]):]
	}
	pairs := pairsOf(node, map[*yaml.Node]bool{})
	for i := 0; i+1 < len(pairs); i += 2 {
		left, ok := strings.CutPrefix(strings.TrimPrefix(path, "."), pairs[i].Value)
		if ends := ok && (left == "" || left[0] == '.' || left[0] == '['); ends && (key == nil || len(left) < len(rest)) {
			key, value, rest = pairs[i], pairs[i+1], left
		}
	}
	return key, value, rest
}

// pairsOf are the keys and values of a mapping, and behind them those that are merged into it. seen
// are mappings that need no second look.
func pairsOf(node *yaml.Node, seen map[*yaml.Node]bool) []*yaml.Node {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if node.Kind != yaml.MappingNode || seen[node] {
		return nil
	}
	seen[node] = true
	merged := valueOf(node, "<<")
	if merged == nil {
		return node.Content
	}
	from := []*yaml.Node{merged}
	if merged.Kind == yaml.SequenceNode {
		from = merged.Content
	}
	pairs := slices.Clone(node.Content)
	for _, one := range from {
		pairs = append(pairs, pairsOf(one, seen)...)
	}
	return pairs
}
