package compose

import (
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/interpolation"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
)

// withOurCasts adds casts to those of compose-go, whose map is shared and stays as it is. They turn
// short volumes into the long form before compose-go does, which would clean their targets; expand
// ~ without losing a slash at the end; and fill in variables that a list of environment only names,
// so that it is known where they came from.
func withOurCasts(casts map[tree.Path]interpolation.Cast, env *environment) map[tree.Path]interpolation.Cast {
	out := maps.Clone(casts)
	volume := tree.NewPath("services", tree.PathMatchAll, "volumes", tree.PathMatchList)
	out[volume] = func(spec string) (any, error) {
		return longVolume(spec, env)
	}
	out[volume.Next("source")] = func(source string) (any, error) {
		return expandHome(source, env), nil
	}
	out[tree.NewPath("services", tree.PathMatchAll, "environment", tree.PathMatchList)] = func(entry string) (any, error) {
		if value, ok := env.lookup(entry); ok {
			return entry + "=" + value, nil
		}
		return entry, nil
	}
	return out
}

func longVolume(spec string, env *environment) (any, error) {
	volume, err := format.ParseVolume(spec)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"type": volume.Type, "target": volume.Target}
	if volume.Source != "" {
		out["source"] = expandHome(volume.Source, env)
	}
	if volume.ReadOnly {
		out["read_only"] = true
	}
	if bind := bindOptions(volume.Bind); len(bind) > 0 {
		out["bind"] = bind
	}
	if volume.Volume != nil && volume.Volume.NoCopy {
		out["volume"] = map[string]any{"nocopy": true}
	}
	return out, nil
}

func bindOptions(bind *types.ServiceVolumeBind) map[string]any {
	out := map[string]any{}
	if bind != nil && bind.Propagation != "" {
		out["propagation"] = bind.Propagation
	}
	if bind != nil && bind.SELinux != "" {
		out["selinux"] = bind.SELinux
	}
	return out
}

// expandHome replaces a leading ~ by HOME.
func expandHome(path string, env *environment) string {
	rest, ok := strings.CutPrefix(path, "~")
	home := env.all["HOME"]
	if !ok || home == "" {
		return path
	}
	return home + rest
}
