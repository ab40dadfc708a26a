package compose

import (
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// environmentValue is where compose-go keeps the value of a secret or config that comes from a
// variable.
const environmentValue = "x-#value"

// resolved is the merged file as the active profiles select it, with variables replaced, for a
// person to read. The content of secrets is left out. It is a compose file itself: a dollar sign is
// written as two.
func (m *model) resolved() map[string]any {
	file := tree.Clone(m.raw).(map[string]any)
	file["name"] = m.stack
	m.absolutePages(file)
	services := tree.Mapping(file["services"])
	for name := range services {
		if _, active := m.project.Services[name]; !active {
			delete(services, name)
		}
	}
	for kind, used := range map[string]usage{"secrets": m.secretUsage(), "configs": m.configUsage()} {
		for key, object := range tree.Mapping(file[kind]) {
			if used.onlyDisabled(key) {
				delete(tree.Mapping(file[kind]), key)
			}
			hideContent(kind, tree.Mapping(object))
		}
	}
	for _, path := range textMaps {
		asText(file, path)
	}
	return withDollars(file).(map[string]any)
}

// textMaps are the places of mappings from text to text. Numbers and dates there are written as the
// container gets them: a number of twenty digits would be rounded by who reads it.
var textMaps = [][]string{
	{"services", "*", "environment"}, {"services", "*", "labels"}, {"services", "*", "annotations"}, {"services", "*", "sysctls"},
	{"services", "*", "logging", "options"}, {"services", "*", "deploy", "labels"}, {"networks", "*", "labels"},
	{"networks", "*", "driver_opts"}, {"volumes", "*", "labels"}, {"volumes", "*", "driver_opts"}, {"secrets", "*", "labels"}, {"configs", "*", "labels"},
}

// asText makes text of the values of the mappings at a path; an asterisk stands for any key. A key
// without a value stays so.
func asText(value any, path []string) {
	m := tree.Mapping(value)
	for key, item := range m {
		switch {
		case len(path) == 0 && item != nil:
			m[key] = tree.Scalar(item)
		case len(path) > 0 && (path[0] == "*" || path[0] == key):
			asText(item, path[1:])
		}
	}
}

// hideContent takes out what compose-go put into a secret or config from a variable, and hides what
// a secret holds.
func hideContent(kind string, object map[string]any) {
	delete(object, environmentValue)
	switch {
	case object["environment"] != nil:
		delete(object, "content")
	case kind == "secrets" && object["content"] != nil:
		object["content"] = "(hidden)"
	}
}

// withDollars doubles the dollar signs of all text in a decoded YAML value.
func withDollars(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = withDollars(item)
		}
	case []any:
		for i, item := range v {
			v[i] = withDollars(item)
		}
	case string:
		return strings.ReplaceAll(v, "$", "$$")
	}
	return value
}
