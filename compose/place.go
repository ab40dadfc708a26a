package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// source is a compose file as messages speak of it.
type source struct {
	// name is the file as the user named it.
	name string
	// root is the first document of the file, nil where it is no YAML.
	root *yaml.Node
}

// at is where a node of the file stands, as editors and CI systems read it.
func (s source) at(node *yaml.Node) string {
	return fmt.Sprintf("%s:%d:%d", s.name, node.Line, node.Column)
}

// parse reads the first document of a file, nil where there is none.
func parse(content []byte) *yaml.Node {
	var document yaml.Node
	if yaml.Unmarshal(content, &document) != nil || len(document.Content) == 0 {
		return nil // Loading says what is wrong.
	}
	return document.Content[0]
}

// placedError says in which file, line and column it is.
type placedError struct{ text string }

func (e placedError) Error() string { return e.text }

// placed puts in front of each line of an error the file, line and column that it is about. The
// first line names all files where that is not known.
func (s *sources) placed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if at := s.find(pathOf(line)); at != "" {
			lines[i] = at + ": " + line
		} else if i == 0 {
			lines[i] = s.names + ": " + line
		}
	}
	return strings.Join(lines, "\n")
}

var (
	subject = regexp.MustCompile(`^(service|network|volume|secret|config) (\S+): `)
	index   = regexp.MustCompile(`^\.?\[?(\d+)\]?`) // compose-go writes .[0], and .0
	unknown = regexp.MustCompile(`: unknown key "?([^\s":;]+)`)
)

// pathOf is the path of keys that the line of an error is about: services.web.image of both
// "services.web.image: ..." and "service web: image: ...".
func pathOf(line string) string {
	path := ""
	rest := strings.TrimPrefix(line, "top of the file")
	if found := subject.FindStringSubmatch(line); found != nil {
		path = found[1] + "s." + found[2] + "."
		rest = line[len(found[0]):]
	}
	key, _, _ := strings.Cut(rest, ": ")
	path += key
	if found := unknown.FindStringSubmatch(rest); found != nil {
		path = strings.TrimPrefix(path+"."+found[1], ".")
	}
	return path
}

// find is the place that a path leads to, in the file in which it leads farthest; the last of them
// is the one that counts. It is empty where the path leads nowhere.
func (s *sources) find(path string) string {
	best, at := len(path), ""
	for _, file := range s.texts {
		if node, rest := follow(file.root, path); node != nil && len(rest) <= best {
			best, at = len(rest), file.at(node)
		}
	}
	return at
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
		found := index.FindStringSubmatch(path)
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
