package cluster

import "sort"

// SortBy sorts a list of large values, and keeps the order of equal ones. slices.SortFunc adds up
// to 20 kB to the plugin for each type, and copies the values that it compares.
func SortBy[T any](list []T, compare func(a, b *T) int) {
	sort.SliceStable(list, func(i, j int) bool { return compare(&list[i], &list[j]) < 0 })
}
