package cluster

import (
	"strings"
)

// Sentence joins names as in a sentence: a, b and c.
func Sentence(list []string) string { return strings.Join(list, ", ") }
