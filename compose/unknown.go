package compose

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/schema"
	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// rules are a part of the schema of compose files.
type rules = map[string]any

// composeRules are the schema. Only files with mistakes need it.
var composeRules = sync.OnceValue(func() rules {
	var all rules
	if err := json.Unmarshal([]byte(schema.Schema), &all); err != nil {
		panic(err) // compose-go could load no file
	}
	return all
})

// unknownKeys finds all keys that compose does not know, in the order of the files. compose-go stops
// at the first.
func (s *sources) unknownKeys() []error {
	var errs []error
	for _, text := range s.texts {
		if text.root == nil {
			continue
		}
		seen := map[*yaml.Node]bool{}
		below(text.root, []rules{composeRules()}, "", func(key *yaml.Node, at string, known []string) {
			if seen[key] {
				return // it is merged into several mappings
			}
			seen[key] = true
			errs = append(errs, placedError{text.problem(key, unknownText(at, key.Value, known))})
		})
	}
	return errs
}

// unknownText says that a key is unknown, and which one was probably meant.
func unknownText(at, key string, known []string) string {
	if at == "" {
		at = "top of the file"
	}
	hint := tree.DidYouMean(key, known)
	if isNear(key) {
		hint = tree.DidYouMean(bluegreen.Key, []string{bluegreen.Key})
	}
	return fmt.Sprintf("%s: unknown key %s%s", at, key, hint)
}

// below looks at a node and all below it. may are the alternatives of the schema for it: a key is
// unknown if none of them has it.
func below(node *yaml.Node, may []rules, at string, found func(key *yaml.Node, at string, known []string)) {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	shapes := alternatives(may)
	switch node.Kind {
	case yaml.SequenceNode:
		for i, item := range node.Content {
			var items []rules
			for _, shape := range shapes {
				items = append(items, shape.items...)
			}
			below(item, items, fmt.Sprintf("%s[%d]", at, i), found)
		}
	case yaml.MappingNode:
		pairs := pairsOf(node, map[*yaml.Node]bool{})
		for i := 0; i+1 < len(pairs); i += 2 {
			key := pairs[i]
			if key.Value == "<<" {
				continue
			}
			next, known, ok := lookUp(shapes, key.Value)
			if !ok {
				found(key, at, known)
				continue
			}
			below(pairs[i+1], next, strings.TrimPrefix(at+"."+key.Value, "."), found)
		}
	}
}

// lookUp is what alternatives say of a key: its own alternatives, or all keys that they know.
func lookUp(shapes []shape, key string) (next []rules, known []string, ok bool) {
	for _, shape := range shapes {
		if !shape.mapping {
			continue
		}
		here, found := shape.of(key)
		next = append(next, here...)
		ok = ok || found || !shape.closed
		known = append(known, slices.Collect(maps.Keys(shape.keys))...)
	}
	// Where no mapping may be, another message says so.
	return next, known, ok || len(known) == 0 && !slices.ContainsFunc(shapes, func(s shape) bool { return s.mapping })
}

// shape is one form that a value may have.
type shape struct {
	mapping, closed bool
	keys, patterns  map[string]any
	items           []rules
}

// of returns the rules for a key, and whether the shape has it.
func (s shape) of(key string) (next []rules, found bool) {
	if value, ok := s.keys[key]; ok {
		return []rules{tree.Mapping(value)}, true
	}
	for pattern, value := range s.patterns {
		if matched, err := regexp.MatchString(pattern, key); matched && err == nil {
			next, found = append(next, tree.Mapping(value)), true
		}
	}
	return next, found
}

// with is a shape that has what both have.
func (s shape) with(other shape) shape {
	return shape{
		mapping: s.mapping && other.mapping, closed: s.closed || other.closed,
		keys: union(s.keys, other.keys), patterns: union(s.patterns, other.patterns),
		items: slices.Concat(s.items, other.items),
	}
}

func union(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, b)
	return out
}

// alternatives are the forms that rules allow, with all that they refer to.
func alternatives(may []rules) []shape {
	var all []shape
	for _, r := range may {
		all = append(all, formsOf(r)...)
	}
	return all
}

func formsOf(r rules) []shape {
	own := shape{mapping: true, keys: tree.Mapping(r["properties"]), patterns: tree.Mapping(r["patternProperties"])}
	if kind := r["type"]; kind != nil && kind != "object" {
		kinds, _ := kind.([]any)
		own.mapping = slices.Contains(kinds, any("object"))
	}
	own.closed = r["additionalProperties"] == false || r["unevaluatedProperties"] == false
	if more := tree.Mapping(r["additionalProperties"]); more != nil {
		own.patterns = union(own.patterns, map[string]any{"": more})
	}
	if items := tree.Mapping(r["items"]); items != nil {
		own.items = []rules{items}
	}
	forms := []shape{own}
	if ref, ok := r["$ref"].(string); ok {
		target := tree.Dig(composeRules(), strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		forms = both(forms, formsOf(tree.Mapping(target)))
	}
	parts, _ := r["allOf"].([]any)
	for _, part := range parts {
		forms = both(forms, formsOf(tree.Mapping(part)))
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if choices, _ := r[word].([]any); len(choices) > 0 {
			var either []shape
			for _, choice := range choices {
				either = append(either, formsOf(tree.Mapping(choice))...)
			}
			forms = both(forms, either)
		}
	}
	return forms
}

// both are the forms that are one of a and one of b.
func both(a, b []shape) []shape {
	var out []shape
	for _, x := range a {
		for _, y := range b {
			out = append(out, x.with(y))
		}
	}
	return out
}
