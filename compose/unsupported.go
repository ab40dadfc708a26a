package compose

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// The consequences of a key that is not carried out.
const (
	without = "Swarm cannot do it, so the container runs without"
)

// unsupported are the keys of services that are not carried out, and what follows from that.
var unsupported = map[string]string{
	"annotations":         without,
	"attach":              "up shows no output of containers: use docker service logs",
	"blkio_config":        without,
	"build":               "Swarm does not build: the image must be in a registry that all nodes reach",
	"cgroup":              without,
	"cgroup_parent":       without,
	"container_name":      "Swarm names containers itself: other services reach this one by its service name",
	"cpu_count":           without,
	"cpu_percent":         without,
	"cpu_period":          without + "; use deploy.resources.limits.cpus",
	"cpu_quota":           without + "; use deploy.resources.limits.cpus",
	"cpu_rt_period":       without,
	"cpu_rt_runtime":      without,
	"cpu_shares":          without + "; use deploy.resources.reservations.cpus",
	"cpuset":              without,
	"develop":             "Swarm watches no files, so containers run what is in the image",
	"device_cgroup_rules": without,
	"devices":             "Swarm cannot pass devices on, so the container runs without: use a bind mount or generic_resources",
	"domainname":          without + "; a full name can be given with hostname",
	"external_links":      without + "; put both services on one network",
	"gpus":                without + "; use deploy.resources.reservations.generic_resources",
	"ipc":                 without,
	"links":               "Swarm does not link: services of one network reach each other by name, without the alias",
	"mac_address":         without,
	"mem_swappiness":      without,
	"memswap_limit":       without,
	"models":              "Swarm runs no models, so the container runs without",
	"oom_kill_disable":    without,
	"pid":                 without,
	"post_start":          "Swarm has no hooks: it is not run",
	"pre_start":           "Swarm has no hooks: it is not run",
	"pre_stop":            "Swarm has no hooks: it is not run",
	"privileged":          "Swarm cannot do it, so the container runs unprivileged: use cap_add",
	"provider":            "Swarm has no providers, so only the image runs",
	"pull_policy":         "Swarm decides itself when to pull",
	"pull_refresh_after":  "Swarm decides itself when to pull",
	"runtime":             without + "; set the default runtime of the nodes",
	"shm_size":            without + "; mount a tmpfs at /dev/shm",
	"storage_opt":         without,
	"umask":               without,
	"use_api_socket":      without,
	"userns_mode":         without,
	"uts":                 without,
	"volume_driver":       without + "; name the driver under the volumes at the top of the file",
	"volumes_from":        without + "; use a named volume",
}

// unsupportedAttachment are the keys of a service's network that are not carried out.
var unsupportedAttachment = map[string]string{
	"gw_priority":    "Swarm chooses the gateway itself",
	"interface_name": "Swarm names interfaces itself",
	"ipv4_address":   "Swarm gives addresses itself: use the service's name instead",
	"ipv6_address":   "Swarm gives addresses itself: use the service's name instead",
	"link_local_ips": "Swarm gives addresses itself",
	"mac_address":    "Swarm gives addresses itself",
	"priority":       "Swarm attaches networks in its own order",
}

// rawEnvFile is the one format in which env_file is read, as docker stack deploy reads it.
const rawEnvFile = "raw"

// warnUnsupported says of all keys that are not carried out what follows.
func (m *model) warnUnsupported() {
	for _, name := range slices.Sorted(maps.Keys(m.project.Services)) {
		raw := m.rawService(name)
		m.warnKeys(name, "", raw, unsupported)
		networks := tree.Mapping(raw["networks"])
		for network := range networks {
			m.warnKeys(name, "networks."+network+".", tree.Mapping(networks[network]), unsupportedAttachment)
		}
		m.warnService(m.project.Services[name], raw)
	}
	for _, name := range slices.Sorted(maps.Keys(tree.Mapping(m.raw["models"]))) {
		m.warnings = append(m.warnings, fmt.Sprintf("model %s: models: Swarm runs no models, so services go without", name))
	}
	for _, name := range slices.Sorted(maps.Keys(m.project.Jobs)) {
		m.warnings = append(m.warnings, fmt.Sprintf("job %s: Swarm has no such jobs, so it is not run: "+
			"make it a service with deploy.mode: %s", name, modeReplicatedJob))
	}
}

func (m *model) warnKeys(service, prefix string, raw map[string]any, consequences map[string]string) {
	for key, value := range raw {
		if consequence, ok := consequences[key]; ok && value != nil && value != false {
			m.warnf(service, "%s%s: %s", prefix, key, consequence)
		}
	}
}

// warnService says what depends on values.
func (m *model) warnService(s types.ServiceConfig, raw map[string]any) {
	if s.Restart == types.RestartPolicyNo && deployOf(s).RestartPolicy == nil {
		m.warnf(s.Name, `restart: "no" is not carried out, as in docker stack deploy: Swarm restarts the task; `+
			"write deploy: {restart_policy: {condition: none}}")
	}
	for _, key := range []string{"command", "entrypoint"} {
		if words, err := command(raw[key]); words != nil && len(words) == 0 && err == nil {
			m.warnf(s.Name, "%s: Swarm cannot empty the image's value, so that value is used", key)
		}
	}
	if r := deployOf(s).Resources.Reservations; r != nil && len(r.Devices) > 0 {
		m.warnf(s.Name, "deploy.resources.reservations.devices: %s; use generic_resources", without)
	}
	m.warnNetworkMode(s)
	for _, file := range s.EnvFiles {
		if file.Format != "" && file.Format != rawEnvFile {
			m.warnf(s.Name, "env_file: format: %s is not known to docker stack deploy: %s is read as raw text", file.Format, filepath.Base(file.Path))
		}
	}
	m.warnRestarts(s)
	for _, port := range s.Ports {
		if port.AppProtocol != "" {
			m.warnf(s.Name, "ports: %d: app_protocol: Swarm cannot store it, so it has no effect", port.Target)
		}
	}
	for i, volume := range s.Volumes {
		m.warnVolume(s.Name, volume)
		volumes, _ := raw["volumes"].([]any)
		if i < len(volumes) && isTrue(tree.Dig(volumes[i], "bind", "create_host_path")) {
			m.warnf(s.Name, "volumes: %s: bind.create_host_path: Swarm creates no folders: a node without %s rejects the tasks",
				volume.Target, volume.Source)
		}
	}
}

// warnRestarts says that nothing is restarted for the sake of another service.
func (m *model) warnRestarts(s types.ServiceConfig) {
	for _, name := range slices.Sorted(maps.Keys(s.DependsOn)) {
		if s.DependsOn[name].Restart {
			m.warnf(s.Name, "depends_on.%s.restart: Swarm does not restart one service because of another, so this one runs on", name)
		}
	}
}

func (m *model) warnVolume(service string, v types.ServiceVolumeConfig) {
	if v.Consistency != "" {
		m.warnf(service, "volumes: %s: consistency: no engine of a swarm supports it, so the mount is without", v.Target)
	}
	switch {
	case v.Type == types.VolumeTypeImage && v.Image == nil:
		m.warnf(service, "volumes: %s: type: Swarm cannot mount images, and engines refuse it", v.Target)
	case v.Type == types.VolumeTypeImage:
		m.warnf(service, "volumes: %s: image: Swarm cannot mount images, and engines refuse it", v.Target)
	case v.Bind != nil && v.Bind.SELinux != "":
		m.warnf(service, "volumes: %s: selinux: Swarm does not change labels of folders (%s): label the folder on the nodes",
			v.Target, v.Bind.SELinux)
	case v.Bind != nil && !slices.Contains([]string{"", recursiveEnabled, recursiveDisabled}, v.Bind.Recursive):
		m.warnf(service, "volumes: %s: bind.recursive: Swarm cannot do %s, so enabled is used", v.Target,
			v.Bind.Recursive)
	}
}
