package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// contentKeys are where the content of secrets and configs may come from.
var contentKeys = map[string][]string{"secrets": {"file", "environment"}, "configs": {"file", "environment", "content"}}

// checkContent finds secrets and configs whose content comes from nowhere, or from two places.
// compose-go names one of them, another one at each run.
func checkContent(dict map[string]any) error {
	var errs []error
	for _, kind := range []string{"configs", "secrets"} {
		for _, name := range slices.Sorted(maps.Keys(tree.Mapping(dict[kind]))) {
			object := tree.Mapping(tree.Mapping(dict[kind])[name])
			var given []string
			for _, key := range contentKeys[kind] {
				filled := key == "content" && object["environment"] != nil // by compose-go, with the variable's value
				if object[key] != nil && !filled {
					given = append(given, key)
				}
			}
			switch {
			case len(given) > 1:
				errs = append(errs, fmt.Errorf("%s.%s: %s and %s exclude each other: keep one of them", kind, name, given[0], given[1]))
			case len(given) == 0 && object["driver"] == nil && object["external"] == nil:
				errs = append(errs, fmt.Errorf("%s.%s: it has no source of its content: write %s, or external: true",
					kind, name, oneOf(contentKeys[kind])))
			}
		}
	}
	return errors.Join(errs...)
}
