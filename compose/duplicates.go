package compose

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// checkDuplicates finds entries of one list of a file that have the same target. compose-go would
// keep the last of them without a word; between files that is how one overrides another.
func (s *sources) checkDuplicates(stack string) error {
	var errs []error
	for _, content := range s.contents(stack) {
		services := tree.Mapping(content["services"])
		for _, name := range slices.Sorted(maps.Keys(services)) {
			if err := duplicates(tree.Mapping(services[name])); err != nil {
				errs = append(errs, fmt.Errorf("service %s: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

// contents are the files with variables replaced, each for itself. Those that cannot be read so are
// left out.
func (s *sources) contents(stack string) []map[string]any {
	var all []map[string]any
	for _, file := range s.files {
		content := map[string]any{}
		if err := yaml.Unmarshal(file.Content, &content); err != nil {
			continue // It has tags that only compose-go knows.
		}
		content, err := interpolation.Interpolate(content, interpolation.Options{
			Substitute:  substituteTemplate,
			LookupValue: interpolation.LookupValue(template.Mapping(s.lookupFor(stack))),
		})
		if err == nil { // else it stands in a part that is not used, or loading has failed
			all = append(all, content)
		}
	}
	return all
}

func duplicates(service map[string]any) error {
	targets := map[string]func(any) string{
		"volumes": volumeTarget,
		"secrets": objectTarget,
		"configs": objectTarget,
	}
	for _, key := range []string{"volumes", "secrets", "configs"} {
		entries, _ := service[key].([]any)
		seen := map[string]any{}
		for _, entry := range entries {
			target := targets[key](entry)
			first, ok := seen[target]
			if ok && target != "" && !reflect.DeepEqual(first, entry) {
				return fmt.Errorf("%s: two entries have the target %s: keep one of them, or give one another target",
					key, target)
			}
			seen[target] = entry
		}
	}
	return nil
}

func volumeTarget(entry any) string {
	if spec, ok := entry.(string); ok {
		volume, err := format.ParseVolume(spec)
		if err != nil {
			return ""
		}
		return volume.Target
	}
	return tree.Scalar(tree.Mapping(entry)["target"])
}

func objectTarget(entry any) string {
	if name, ok := entry.(string); ok {
		return name
	}
	m := tree.Mapping(entry)
	if target := tree.Scalar(m["target"]); target != "" {
		return target
	}
	return tree.Scalar(m["source"])
}
