// Package tree reads decoded YAML values, as they are before they are bound to types.
package tree

import (
	"fmt"
	"strings"
)

// Clone copies maps and lists of a decoded YAML value all the way down.
func Clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = Clone(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = Clone(item)
		}
		return out
	default:
		return value
	}
}

// Dig returns what stands at a path of keys, or nil.
func Dig(value any, path ...string) any {
	for _, key := range path {
		value = Mapping(value)[key]
	}
	return value
}

// Mapping returns value as a map, nil when it is none.
func Mapping(value any) map[string]any {
	m, _ := value.(map[string]any)
	return m
}

// StringMap reads a map of strings in either form, {a: b} or ["a=b"]; nil when there is none.
func StringMap(value any) map[string]string {
	var out map[string]string
	switch v := value.(type) {
	case map[string]any:
		out = make(map[string]string, len(v))
		for key, item := range v {
			out[key] = Scalar(item)
		}
	case []any:
		out = make(map[string]string, len(v))
		for _, item := range v {
			key, text, _ := strings.Cut(Scalar(item), "=")
			out[key] = text
		}
	}
	return out
}

// Scalar is a YAML value as text, as it is for docker stack deploy; null is empty.
func Scalar(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}
