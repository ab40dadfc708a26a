package compose

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/docker/api/types/mount"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// mounts are those of volumes, in the order of the file.
func (m *model) mounts(s types.ServiceConfig) ([]mount.Mount, error) {
	out := make([]mount.Mount, 0, len(s.Volumes))
	raw, _ := m.rawService(s.Name)["volumes"].([]any)
	for i, volume := range s.Volumes {
		mnt, err := m.mount(volume)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", volume.Target, err)
		}
		if i < len(raw) {
			labelVolume(&mnt, tree.StringMap(tree.Dig(raw[i], "volume", "labels")))
		}
		out = append(out, mnt)
	}
	return out, nil
}

func (m *model) mount(v types.ServiceVolumeConfig) (mount.Mount, error) {
	out := mount.Mount{
		Type:        mount.Type(v.Type),
		Source:      v.Source,
		Target:      v.Target,
		ReadOnly:    v.ReadOnly,
		Consistency: mount.Consistency(v.Consistency),
	}
	if err := checkMount(v); err != nil {
		return out, err
	}
	switch v.Type {
	case types.VolumeTypeVolume, "":
		return m.volumeMount(out, v)
	case types.VolumeTypeCluster:
		return m.clusterMount(out, v)
	case types.VolumeTypeBind, types.VolumeTypeNamedPipe:
		out.BindOptions = bindMount(v.Bind)
	case types.VolumeTypeTmpfs:
		if v.Tmpfs != nil {
			out.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: int64(v.Tmpfs.Size), Mode: os.FileMode(v.Tmpfs.Mode)}
		}
	case types.VolumeTypeImage:
		if v.Image != nil {
			out.ImageOptions = &mount.ImageOptions{Subpath: v.Image.SubPath}
		}
	}
	return out, nil
}

// Values of bind.recursive.
const (
	recursiveEnabled  = "enabled"
	recursiveDisabled = "disabled"
)

// bindMount also keeps submounts out where the file says so, which docker stack deploy drops.
// Engines keep no other value of recursive for services, and write down rprivate where there is no
// propagation.
func bindMount(bind *types.ServiceVolumeBind) *mount.BindOptions {
	if bind == nil || onlySELinux(bind) {
		return nil
	}
	out := &mount.BindOptions{Propagation: mount.Propagation(bind.Propagation)}
	if bind.Recursive == recursiveDisabled {
		out.NonRecursive = true
		out.Propagation = cmp.Or(out.Propagation, mount.PropagationRPrivate)
	}
	return out
}

// onlySELinux is true for the z of a short volume, which docker stack deploy ignores.
func onlySELinux(bind *types.ServiceVolumeBind) bool {
	return bind.SELinux != "" && bind.Propagation == "" && bind.Recursive != recursiveDisabled
}

// checkMount finds options that do not go with the type of a mount, and a source that is missing or
// too much.
func checkMount(v types.ServiceVolumeConfig) error {
	kind := v.Type
	if kind == "" {
		kind = types.VolumeTypeVolume
	}
	options := []struct {
		key   string
		given bool
		with  []string
	}{
		{"bind", v.Bind != nil, []string{types.VolumeTypeBind, types.VolumeTypeNamedPipe}},
		{"volume", v.Volume != nil, []string{types.VolumeTypeVolume}},
		{"tmpfs", v.Tmpfs != nil, []string{types.VolumeTypeTmpfs}},
		{"image", v.Image != nil, []string{types.VolumeTypeImage}},
	}
	for _, o := range options {
		if o.given && !strings.Contains(strings.Join(o.with, " "), kind) {
			return fmt.Errorf("the options under %s do not go with type %s: take them out", o.key, kind)
		}
	}
	switch {
	case kind == types.VolumeTypeTmpfs && v.Source != "":
		return errors.New("a tmpfs has no source: take it out")
	case kind != types.VolumeTypeTmpfs && kind != types.VolumeTypeVolume && v.Source == "":
		return fmt.Errorf("source is missing: type %s needs one", kind)
	}
	return nil
}

func (m *model) volumeMount(out mount.Mount, v types.ServiceVolumeConfig) (mount.Mount, error) {
	if v.Source == "" {
		return out, nil
	}
	volume, err := m.volume(v.Source)
	if err != nil {
		return out, err
	}
	out.Source = m.nameOf(v.Source, volume.Name, bool(volume.External))
	out.VolumeOptions = &mount.VolumeOptions{}
	if v.Volume != nil {
		out.VolumeOptions.NoCopy = v.Volume.NoCopy
		out.VolumeOptions.Subpath = v.Volume.Subpath
	}
	if bool(volume.External) {
		return out, nil
	}
	raw := tree.Mapping(tree.Dig(m.raw, "volumes", v.Source))
	out.VolumeOptions.Labels = m.labeled(raw["labels"])
	if options := tree.StringMap(raw["driver_opts"]); volume.Driver != "" || options != nil {
		out.VolumeOptions.DriverConfig = &mount.Driver{Name: volume.Driver, Options: options}
	}
	return out, nil
}

// labelVolume adds the labels that a mount gives to a volume that is made for it; docker stack
// deploy takes none.
func labelVolume(m *mount.Mount, labels map[string]string) {
	if len(labels) == 0 || m.Type != mount.TypeVolume && m.Type != "" {
		return
	}
	if m.VolumeOptions == nil {
		m.VolumeOptions = &mount.VolumeOptions{}
	}
	if m.VolumeOptions.Labels == nil {
		m.VolumeOptions.Labels = map[string]string{}
	}
	maps.Copy(m.VolumeOptions.Labels, labels)
}

// clusterMount leaves the name of a group of volumes alone: groups belong to no stack.
func (m *model) clusterMount(out mount.Mount, v types.ServiceVolumeConfig) (mount.Mount, error) {
	out.ClusterOptions = &mount.ClusterOptions{}
	if strings.HasPrefix(v.Source, "group:") {
		return out, nil
	}
	volume, err := m.volume(v.Source)
	if err != nil {
		return out, err
	}
	out.Source = m.nameOf(v.Source, volume.Name, bool(volume.External))
	return out, nil
}

func (m *model) volume(key string) (types.VolumeConfig, error) {
	volume, ok := m.project.Volumes[key]
	if !ok {
		return volume, fmt.Errorf("volume %q is not defined: add it to the volumes at the top of the file, "+
			"or write ./%s for a folder", key, key)
	}
	return volume, nil
}
