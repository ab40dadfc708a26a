package tree

import (
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Nearest returns the key that was probably meant by one that is unknown: the one that the fewest
// typos turn into it. It is empty where none is near.
func Nearest(key string, known []string) string {
	plain := plainKey(key)
	best, nearest := max(len(plain)/3, 1), ""
	for _, one := range slices.Sorted(slices.Values(known)) {
		distance := levenshtein.ComputeDistance(plain, plainKey(one))
		if distance < best || distance == best && nearest == "" {
			best, nearest = distance, one
		}
	}
	return nearest
}

// DidYouMean is what to add to a message about an unknown key: a question, or nothing.
func DidYouMean(key string, known []string) string {
	nearest := Nearest(key, known)
	if nearest == "" {
		return ""
	}
	return `: did you mean "` + nearest + `"?`
}

// plainKey is a key without what is easily written otherwise.
func plainKey(key string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(key))
}
