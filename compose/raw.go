package compose

import (
	"fmt"
	"strings"
)

// clone copies maps and lists of a decoded YAML value all the way down.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = clone(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = clone(item)
		}
		return out
	default:
		return value
	}
}

// dig returns what stands at a path of keys, or nil.
func dig(value any, path ...string) any {
	for _, key := range path {
		value = mapping(value)[key]
	}
	return value
}

// mapping returns value as a map, nil when it is none.
func mapping(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

// stringMap reads a map of strings in either form, {a: b} or ["a=b"]; nil when there is none.
func stringMap(value any) map[string]string {
	var out map[string]string
	switch v := value.(type) {
	case map[string]any:
		out = make(map[string]string, len(v))
		for key, item := range v {
			out[key] = scalar(item)
		}
	case []any:
		out = make(map[string]string, len(v))
		for _, item := range v {
			key, text, _ := strings.Cut(scalar(item), "=")
			out[key] = text
		}
	}
	return out
}

// scalar is a YAML value as text, as it is for docker stack deploy; null is empty.
func scalar(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// takenOut are the places whose maps have keys of the user's own, and those that compose-go parses
// otherwise than docker does. It would turn all keys there that begin with "x-" into one, cut
// commands at ";" and round cpus. They are read from the raw map. An asterisk stands for any key or
// index.
var takenOut = [][]string{
	{"services", "*", "environment"},
	{"services", "*", "labels"},
	{"services", "*", "annotations"},
	{"services", "*", "sysctls"},
	{"services", "*", "extra_hosts"},
	{"services", "*", "command"},
	{"services", "*", "entrypoint"},
	{"services", "*", "cpus"},
	{"services", "*", "logging", "options"},
	{"services", "*", "networks", "*", "driver_opts"},
	{"services", "*", "deploy", "labels"},
	{"services", "*", "deploy", "resources", "*", "cpus"},
	{"services", "*", "volumes", "*", "volume", "labels"},
	{"networks", "*", "labels"},
	{"networks", "*", "driver_opts"},
	{"networks", "*", "ipam", "options"},
	{"networks", "*", "ipam", "config", "*", "aux_addresses"},
	{"volumes", "*", "labels"},
	{"volumes", "*", "driver_opts"},
	{"secrets", "*", "labels"},
	{"secrets", "*", "driver_opts"},
	{"configs", "*", "labels"},
}

func takeOut(dict map[string]any) {
	for _, path := range takenOut {
		remove(dict, path)
	}
}

func remove(value any, path []string) {
	key, rest := path[0], path[1:]
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			if key != "*" && key != name {
				continue
			}
			if len(rest) == 0 {
				delete(v, name)
				continue
			}
			remove(item, rest)
		}
	case []any:
		for _, item := range v {
			if key == "*" {
				remove(item, rest)
			}
		}
	}
}
