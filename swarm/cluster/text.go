package cluster

import (
	"fmt"
	"strings"
)

// Sentence joins names as in a sentence: a, b and c.
func Sentence(list []string) string { return strings.Join(list, ", ") }

// SlotFailed says how many tasks of one slot failed; of one there is only one where no other takes
// its place.
func SlotFailed(n int) string {
	if n == 1 {
		return "a task failed, and its restart_policy allows no other"
	}
	return fmt.Sprintf("%d tasks of one slot failed", n)
}
