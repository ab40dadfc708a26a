package compose

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/consts"
	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// load merges the files and binds them to types, with as little added by compose-go as possible.
func (s *sources) load(ctx context.Context, stack string, profiles []string) (*model, error) {
	if len(profiles) == 0 {
		profiles = splitList(s.env.all[consts.ComposeProfiles], ",")
	}
	m := &model{stack: stack, files: s.names, dir: s.dir, env: s.env}
	// compose-go writes into the environment that it is given.
	details := types.ConfigDetails{WorkingDir: s.dir, ConfigFiles: s.files, Environment: maps.Clone(s.env.all)}
	options := s.loaderOptions(stack, profiles)
	warnings, err := captureLogs(func() error {
		if err := s.checkAnchors(); err != nil {
			return errors.Join(err, s.checkKeys())
		}
		if err := s.checkKeys(); err != nil {
			return errors.Join(append(s.unknownKeys(), err)...)
		}
		dict, err := loader.LoadModelWithContext(ctx, details, options)
		if err != nil {
			return s.allMistakes(allOf(ctx, err, details, options), stack)
		}
		m.raw = tree.Clone(dict).(map[string]any)
		takeOut(dict)
		m.project, err = loader.ModelToProject(dict, loader.ToOptions(&details, []func(*loader.Options){options}), details)
		if err != nil {
			return err
		}
		return s.checkDuplicates(stack)
	})
	m.warnings = slices.Concat(s.env.warnings, warnings)
	if err != nil {
		return nil, s.located(withUnset(err, warnings))
	}
	return m, nil
}

// allOf is the error of loading, or in the place of one that compose-go picks from several at
// random all of them.
func allOf(ctx context.Context, err error, details types.ConfigDetails, options func(*loader.Options)) error {
	dict, failed := loader.LoadModelWithContext(ctx, details, options, func(o *loader.Options) { o.SkipValidation = true })
	if failed != nil {
		return err
	}
	return cmp.Or(checkContent(dict), err)
}

// loaderOptions turns off all of compose-go that shifts specs away from those of docker stack
// deploy.
func (s *sources) loaderOptions(stack string, profiles []string) func(*loader.Options) {
	return func(o *loader.Options) {
		o.SetProjectName(loadName(stack), true)
		o.SkipNormalization = true
		o.SkipDefaultValues = true
		o.SkipConsistencyCheck = true
		o.SkipResolveEnvironment = true
		o.Profiles = profiles
		// compose-go also runs option functions on options that have no interpolation.
		if o.Interpolate == nil {
			return
		}
		o.Interpolate.Substitute = substituteTemplate
		o.Interpolate.LookupValue = s.lookupFor(stack)
		o.Interpolate.TypeCastMapping = withOurCasts(o.Interpolate.TypeCastMapping, s.env)
	}
}

// lookupFor finds variables; the name of the project is the stack's, not the one that compose-go
// loads under.
func (s *sources) lookupFor(stack string) func(string) (string, bool) {
	return func(key string) (string, bool) {
		if key == consts.ComposeProjectName {
			return stack, true
		}
		return s.env.lookup(key)
	}
}

// loadName is a name that compose-go takes; names such as Shop are good for Swarm but not for it.
func loadName(stack string) string {
	if name := loader.NormalizeProjectName(stack); name != "" {
		return name
	}
	return "stack"
}

// withUnset adds to an error which variables are not set: that may be why.
func withUnset(err error, warnings []string) error {
	for _, w := range warnings {
		if strings.HasPrefix(w, unsetWarning) {
			err = errors.Join(err, errors.New(w))
		}
	}
	return err
}
