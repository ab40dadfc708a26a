package compose

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-units"
)

// tmpfsMounts are the mounts of tmpfs, which docker stack deploy drops. A target that volumes has
// as well is left to them.
func (m *model) tmpfsMounts(s types.ServiceConfig, volumes []mount.Mount) ([]mount.Mount, error) {
	var out []mount.Mount
	for _, entry := range s.Tmpfs {
		mnt, err := m.tmpfsMount(s.Name, entry)
		if err != nil {
			return nil, err
		}
		same := func(other mount.Mount) bool { return path.Clean(other.Target) == path.Clean(mnt.Target) }
		if slices.ContainsFunc(volumes, same) || slices.ContainsFunc(out, same) {
			m.warnf(s.Name, "tmpfs: %s is mounted already, so this entry is left out", mnt.Target)
			continue
		}
		out = append(out, mnt)
	}
	return out, nil
}

// tmpfsMount reads TARGET[:OPTION,...].
func (m *model) tmpfsMount(service, entry string) (mount.Mount, error) {
	target, options, _ := strings.Cut(entry, ":")
	out := mount.Mount{Type: mount.TypeTmpfs, Target: target}
	if !path.IsAbs(target) {
		return out, fmt.Errorf("%q: a target begins with /", entry)
	}
	set := mount.TmpfsOptions{}
	for option := range strings.SplitSeq(options, ",") {
		known, err := tmpfsOption(&out, &set, option)
		if err != nil {
			return out, fmt.Errorf("%s: %w", target, err)
		}
		if !known {
			m.warnf(service, "tmpfs: %s: Swarm has no option %s for it, so it is mounted without", target, option)
		}
	}
	if set.SizeBytes != 0 || set.Mode != 0 || set.Options != nil {
		out.TmpfsOptions = &set
	}
	return out, nil
}

// tmpfsOption adds one option; known is false for those that Swarm cannot carry out. Engines mount
// with nosuid and nodev anyway, and with noexec unless exec is given.
func tmpfsOption(m *mount.Mount, set *mount.TmpfsOptions, option string) (known bool, err error) {
	key, value, _ := strings.Cut(option, "=")
	switch key {
	case "", "rw", "nosuid", "nodev":
		return true, nil
	case "ro":
		m.ReadOnly = true
		return true, nil
	case "exec", "noexec":
		set.Options = [][]string{{key}}
		return true, nil
	case "mode":
		mode, err := strconv.ParseUint(value, 8, 12)
		if err != nil {
			return true, fmt.Errorf("mode: %q is not an octal mode (example: 1777)", value)
		}
		set.Mode = os.FileMode(mode)
		return true, nil
	case "size":
		if strings.HasSuffix(value, "%") {
			return false, nil
		}
		set.SizeBytes, err = units.RAMInBytes(value)
		if err != nil {
			return true, fmt.Errorf("size: %q is not a size (example: 64m)", value)
		}
		return true, nil
	}
	return false, nil
}
