package compose

import (
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// hidden stands in the place of a value that may be secret.
const hidden = "***"

// shownKeys are the keys whose values are no secrets. A value is shown only if all keys that lead
// to it are here: one that is misspelt may stand for environment.
var shownKeys = keySet(`services networks volumes secrets configs
	image restart deploy replicas mode placement constraints preferences spread max_replicas_per_node resources limits
	reservations cpus memory pids restart_policy condition delay max_attempts window update_config rollback_config
	parallelism order monitor failure_action max_failure_ratio endpoint_mode ports target published protocol expose aliases
	type source bind volume tmpfs size nocopy propagation depends_on required profiles scale stop_grace_period stop_signal
	init tty stdin_open read_only working_dir hostname cap_add cap_drop ulimits soft hard dns network_mode isolation
	healthcheck interval timeout retries start_period start_interval disable uid gid file external driver attachable internal
	ipam config subnet gateway ip_range env_file path
	x-bluegreen health port rise fall drain keep promote preview verify canary by steps every guard bake errors latency
	requests metrics maintenance page history control`)

// namedBelow are the keys below which names of the user's own stand.
var namedBelow = keySet("services networks volumes secrets configs depends_on ulimits")

func keySet(words string) map[string]bool {
	set := map[string]bool{}
	for _, word := range strings.Fields(words) {
		set[word] = true
	}
	return set
}

var (
	plainName   = lazy(`^[\w.$-]{1,64}$`)
	withAccount = lazy(`//[^/\s]*@`)
	// blockStart begins a text of several lines.
	blockStart = lazy(`^[|>][0-9+-]*`)
	// properties stand before a value: its anchor and its tag.
	properties = lazy(`^(?:[&!][^\s,\[\]{}]*\s+)+`)
)

// token is a scalar that begins on a line.
type token struct {
	node  *yaml.Node
	key   bool
	shown bool
}

// excerpt is the line on which a node begins, with hidden values, and the bytes of it that the node
// takes. It is empty where a part of the line is not understood: that part may be secret.
func (s source) excerpt(node *yaml.Node) (line string, from, to int) {
	if node.Line < 1 || node.Line > len(s.lines) {
		return "", 0, 0
	}
	var tokens []token
	tokensOf(s.root, node.Line, true, nil, &tokens)
	slices.SortStableFunc(tokens, func(a, b token) int { return a.node.Column - b.node.Column })
	marks := marksOf(s.root)
	rest := s.lines[node.Line-1]
	if node.Line == 1 {
		rest = strings.TrimPrefix(rest, "\ufeff")
	}
	var out strings.Builder
	column, from := 1, -1
	for _, t := range tokens {
		gap := bytesOf(rest, t.node.Column-column)
		if !isPunctuation(rest[:gap], marks) {
			return "", 0, 0
		}
		out.WriteString(rest[:gap])
		rest = rest[gap:]
		text, length := t.text(rest)
		if length < 0 {
			return "", 0, 0
		}
		if t.node == node {
			from, to = out.Len(), out.Len()+len(text)
		}
		out.WriteString(text)
		column = t.node.Column + utf8.RuneCountInString(rest[:length])
		rest = rest[length:]
	}
	rest, _, _ = strings.Cut(rest, "#") // a comment may hold anything
	if !isPunctuation(rest, marks) {
		return "", 0, 0
	}
	line = strings.TrimRight(out.String()+rest, " \t")
	if from < 0 { // a mapping or a list
		from = min(bytesOf(line, node.Column-1), max(len(line)-1, 0))
		to = from + 1
	}
	return line, from, to
}

// tokensOf collects the scalars and aliases that begin on a line. safe says that all keys so far
// are known, last is the one that leads here.
func tokensOf(node *yaml.Node, line int, safe bool, last *yaml.Node, out *[]token) {
	if node == nil {
		return
	}
	switch node.Kind {
	case yaml.MappingNode:
		named := last != nil && namedBelow[last.Value]
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Line == line && key.Kind == yaml.ScalarNode {
				*out = append(*out, token{key, true, plainName().MatchString(key.Value)})
			}
			tokensOf(node.Content[i+1], line, safe && (named || shownKeys[key.Value]), key, out)
		}
	case yaml.SequenceNode:
		for _, item := range node.Content {
			tokensOf(item, line, safe, nil, out)
		}
	default:
		if node.Line == line {
			*out = append(*out, token{node, false, safe})
		}
	}
}

// text is what to show of a token that a text begins with, and how many bytes of the text it takes:
// -1 where that cannot be told.
func (t token) text(rest string) (shown string, length int) {
	head := properties().FindString(rest)
	body := rest[len(head):]
	switch {
	case t.node.Kind == yaml.AliasNode:
		length = len("*" + t.node.Value)
	case t.node.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		length = quoted(body)
	case t.node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return head + blockStart().FindString(body), len(rest) // the text is on the next lines; a comment may be here
	default:
		length = len(t.node.Value)
	}
	if length < 0 || length > len(body) || t.node.Style == 0 && t.node.Kind == yaml.ScalarNode && !strings.HasPrefix(body, t.node.Value) {
		if t.key {
			return "", -1
		}
		return head + hidden, len(rest) // it goes on in the next line
	}
	own := body[:length]
	if t.key && !strings.HasPrefix(strings.TrimLeft(body[length:], " "), ":") {
		t.shown = false
	}
	if length > 0 && t.node.Kind != yaml.AliasNode && (!t.shown || withAccount().MatchString(own)) {
		own = hidden
	}
	return head + own, len(head) + length
}

// quoted is the length of a scalar in quotes that ends on this line, -1 if it does not.
func quoted(text string) int {
	if text == "" {
		return -1
	}
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\':
			i++
		case text[0] == '\'' && text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return -1
}

// bytesOf is the length in bytes of the first characters of a text.
func bytesOf(text string, characters int) int {
	for i := range text {
		if characters <= 0 {
			return i
		}
		characters--
	}
	return len(text)
}

// isPunctuation says that a text has only what YAML puts between values, and anchors and tags of
// the file.
func isPunctuation(text string, marks map[string]bool) bool {
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(" \t:,-?[]{}", r) }) {
		if !marks[word] {
			return false
		}
	}
	return true
}

// marksOf are the anchors and tags of a file, as they are written.
func marksOf(node *yaml.Node) map[string]bool {
	marks := map[string]bool{}
	var walk func(*yaml.Node)
	walk = func(node *yaml.Node) {
		if node.Anchor != "" {
			marks["&"+node.Anchor] = true
		}
		if node.Tag == "!reset" || node.Tag == "!override" {
			marks[node.Tag] = true
		}
		for _, child := range node.Content {
			walk(child)
		}
	}
	if node != nil {
		walk(node)
	}
	return marks
}
