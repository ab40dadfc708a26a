package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// isNear says whether a key was probably meant to be x-bluegreen.
func isNear(key string) bool {
	const typos = 2
	plain := tree.PlainKey(key)
	return key != bluegreen.Key && slices.ContainsFunc([]string{"xbluegreen", "bluegreen", "xgreenblue", "greenblue"}, func(meant string) bool {
		return levenshtein.ComputeDistance(plain, meant) <= typos
	})
}

// anchorHolder is a key at the top of a file that holds settings for services to refer to, such as
// x-bluegreen-v2: &v2.
var anchorHolder = lazy(`^x-bluegreen[-_.0-9]`)

// ownKeys are mappings whose keys are the user's own.
var ownKeys = []string{"environment", "labels", "annotations", "sysctls", "extra_hosts", "args", "options", "driver_opts", "aux_addresses"}

// checkExtension finds x-bluegreen where it is misspelt, or stands where it means nothing: a
// service would be deployed as a plain one, and one that runs blue-green would be given back.
// Services of all profiles are looked at.
func (m *model) checkExtension() error {
	errs := append(misspelt("", m.raw), misplaced("", m.raw, "services")...)
	services := tree.Mapping(m.raw["services"])
	for _, name := range slices.Sorted(maps.Keys(services)) {
		at := "service " + name + ": "
		errs = append(errs, misspelt(at, tree.Mapping(services[name]))...)
		if name == bluegreen.Key {
			errs = append(errs, noEffect("services."+name))
			continue
		}
		errs = append(errs, misplaced(at, tree.Mapping(services[name]))...)
	}
	return errors.Join(errs...)
}

// misspelt finds keys that are near x-bluegreen in a mapping where that may stand.
func misspelt(at string, m map[string]any) []error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(m)) {
		holdsAnchor := at == "" && anchorHolder().MatchString(key)
		if isExtension(key) && isNear(key) && !holdsAnchor {
			errs = append(errs, fmt.Errorf("%s%s%s This key has no effect", at, key, tree.DidYouMean(bluegreen.Key, []string{bluegreen.Key})))
		}
	}
	return errs
}

// misplaced finds x-bluegreen, and what is near it, below the keys of a mapping but for those to
// skip.
func misplaced(at string, m map[string]any, skip ...string) []error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !isExtension(key) && !slices.Contains(ownKeys, key) && !slices.Contains(skip, key) {
			errs = append(errs, misplacedIn(at+key, m[key])...)
		}
	}
	return errs
}

func misplacedIn(at string, value any) []error {
	var errs []error
	items, _ := value.([]any)
	for i, item := range items {
		errs = append(errs, misplacedIn(fmt.Sprintf("%s[%d]", at, i), item)...)
	}
	m := tree.Mapping(value)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch place := at + "." + key; {
		case key == bluegreen.Key, isExtension(key) && isNear(key):
			errs = append(errs, noEffect(place))
		case !isExtension(key) && !slices.Contains(ownKeys, key):
			errs = append(errs, misplacedIn(place, m[key])...)
		}
	}
	return errs
}

func noEffect(place string) error {
	return fmt.Errorf("%s: it has no effect here: write %s directly in a service, beside image, or at the top of the file", place, bluegreen.Key)
}

func isExtension(key string) bool { return strings.HasPrefix(key, "x-") }
