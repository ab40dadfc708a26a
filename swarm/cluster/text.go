package cluster

import (
	"fmt"
	"strings"
)

// Sentence joins names as in a sentence: a, b and c.
func Sentence(list []string) string { return strings.Join(list, ", ") }

// Count is a number of things in words, such as 1 task or 2 tasks.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// SlotFailed says how many tasks of one slot failed; of one there is only one where no other takes
// its place.
func SlotFailed(n int) string {
	if n == 1 {
		return "a task failed, and its restart_policy allows no other"
	}
	return fmt.Sprintf("%d tasks of one slot failed", n)
}
