package compose

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/distribution/reference"
	"github.com/docker/cli/opts"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

func (m *model) containerSpec(s types.ServiceConfig, raw map[string]any) (*swarm.ContainerSpec, error) {
	if err := checkImage(s); err != nil {
		return nil, err
	}
	var errs []error
	keep := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	entrypoint, err := command(raw["entrypoint"])
	keep("entrypoint", err)
	args, err := command(raw["command"])
	keep("command", err)
	hosts, err := m.extraHosts(s.Name, raw["extra_hosts"])
	keep("extra_hosts", err)
	env, err := m.environment(s, raw)
	keep("env_file", err)
	health, err := healthcheck(s.HealthCheck)
	keep("healthcheck", err)
	mounts, err := m.mounts(s)
	keep("volumes", err)
	tmpfs, err := m.tmpfsMounts(s, mounts)
	keep("tmpfs", err)
	secrets, err := m.secretReferences(s)
	keep("secrets", err)
	configs, err := m.configReferences(s)
	keep("configs", err)
	privileges, err := m.privileges(s)
	if err != nil {
		errs = append(errs, err)
	}
	capAdd, capDrop := opts.EffectiveCapAddCapDrop(s.CapAdd, s.CapDrop)
	return &swarm.ContainerSpec{
		Image:           s.Image,
		Command:         entrypoint,
		Args:            args,
		Hostname:        s.Hostname,
		Hosts:           hosts,
		DNSConfig:       dnsConfig(s),
		Healthcheck:     health,
		Env:             env,
		Labels:          m.containerLabels(s, raw),
		Dir:             s.WorkingDir,
		User:            s.User,
		Groups:          s.GroupAdd,
		Mounts:          append(mounts, tmpfs...),
		StopGracePeriod: duration(s.StopGracePeriod),
		StopSignal:      s.StopSignal,
		TTY:             s.Tty,
		OpenStdin:       s.StdinOpen,
		Secrets:         secrets,
		Configs:         configs,
		ReadOnly:        s.ReadOnly,
		Privileges:      privileges,
		Isolation:       container.Isolation(s.Isolation),
		Init:            s.Init,
		Sysctls:         tree.StringMap(raw["sysctls"]),
		CapabilityAdd:   capAdd,
		CapabilityDrop:  capDrop,
		Ulimits:         ulimits(s.Ulimits),
		OomScoreAdj:     s.OomScoreAdj,
	}, errors.Join(errs...)
}

func checkImage(s types.ServiceConfig) error {
	if s.Image == "" && s.Build != nil {
		return errors.New("image is missing: Swarm does not build; build and push the image, and name it with image")
	}
	if s.Image == "" {
		return errors.New("image is missing: name the image that the service runs")
	}
	if _, err := reference.ParseAnyReference(s.Image); err != nil {
		return fmt.Errorf("image: %q is not an image name: %s", s.Image, bluegreen.ImageFault(err))
	}
	return nil
}

// containerLabels are those of label_file, which compose-go read, and over them those of the file.
func (m *model) containerLabels(s types.ServiceConfig, raw map[string]any) map[string]string {
	labels := map[string]string{}
	maps.Copy(labels, s.Labels)
	maps.Copy(labels, m.labeled(raw["labels"]))
	return labels
}

func dnsConfig(s types.ServiceConfig) *swarm.DNSConfig {
	if s.DNS == nil && s.DNSSearch == nil && s.DNSOpts == nil {
		return nil
	}
	return &swarm.DNSConfig{Nameservers: s.DNS, Search: s.DNSSearch, Options: s.DNSOpts}
}

func ulimits(limits map[string]*types.UlimitsConfig) []*container.Ulimit {
	out := make([]*container.Ulimit, 0, len(limits))
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		soft, hard := limits[name].Soft, limits[name].Hard
		if single := limits[name].Single; single != 0 {
			soft, hard = single, single
		}
		out = append(out, &container.Ulimit{Name: name, Soft: int64(soft), Hard: int64(hard)})
	}
	return out
}

func logDriver(s types.ServiceConfig, raw map[string]any) *swarm.Driver {
	if s.Logging == nil {
		return nil
	}
	return &swarm.Driver{Name: s.Logging.Driver, Options: tree.StringMap(tree.Dig(raw, "logging", "options"))}
}
