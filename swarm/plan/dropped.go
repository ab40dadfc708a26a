package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/versions"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

// drop is a part of service specs that engines take and forget without a word, so that it never
// comes back from them.
type drop struct {
	// path is that of the part in a flat spec, with [] for any index; what is below belongs to it.
	path string
	// since is the version of the API that brought it; empty for what no engine keeps.
	since string
	// key is what the compose file calls it, and then what follows from its loss.
	key, then string
}

// drops come from moby's adjustForAPIVersion (api/server/router/swarm) and from what its conversion
// of specs (daemon/cluster/convert) leaves out. There is nothing here from versions before MinAPI,
// which are refused.
var drops = []drop{
	{"TaskTemplate.ContainerSpec.Healthcheck.StartInterval", "1.44",
		"healthcheck.start_interval", "checks are made at interval from the beginning"},
	{"TaskTemplate.ContainerSpec.Privileges.Seccomp", "1.44",
		"security_opt: seccomp", "the container has the engine's default profile"},
	{"TaskTemplate.ContainerSpec.Privileges.AppArmor", "1.44",
		"security_opt: apparmor", "the container has the engine's default profile"},
	{"TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges", "1.44",
		"security_opt: no-new-privileges", "processes can gain privileges"},
	{"TaskTemplate.ContainerSpec.Mounts[].TmpfsOptions.Options", "1.46",
		"tmpfs: exec", "it is mounted without"},
	{"TaskTemplate.ContainerSpec.Mounts[].VolumeOptions.Subpath", "1.46",
		"volumes: volume.subpath", "the whole volume is mounted"},
	{"TaskTemplate.ContainerSpec.OomScoreAdj", "1.46",
		"oom_score_adj", "the container has the default"},
	{path: "TaskTemplate.ContainerSpec.Mounts[].Consistency"}, // package compose warns of it
}

var anyIndex = regexp.MustCompile(`\[\d+\]`)

// holds says whether a path of a flat spec belongs to what is dropped.
func (d drop) holds(path string) bool {
	rest, ok := strings.CutPrefix(anyIndex.ReplaceAllString(path, "[]"), d.path)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// by says whether an engine that speaks this version of the API drops it.
func (d drop) by(apiVersion string) bool {
	return d.since == "" || versions.LessThan(apiVersion, d.since)
}

// Without removes what engines of an API version drop without a word: it never comes back from
// them.
func (f FlatSpec) Without(apiVersion string) FlatSpec {
	for _, d := range drops {
		if d.by(apiVersion) {
			maps.DeleteFunc(f, func(path, _ string) bool { return d.holds(path) })
		}
	}
	return f
}

// Dropped are sentences about what an engine of this API version would take and forget without a
// word, such as "1.41". Each names service, key and what follows.
func Dropped(p *compose.Project, apiVersion string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(p.Networks)) {
		if v4 := p.Networks[name].Create.EnableIPv4; v4 != nil && !*v4 && versions.LessThan(apiVersion, ipv4Since) {
			out = append(out, fmt.Sprintf("network %s: enable_ipv4: the engine speaks API %s and drops this key of API %s, so the network has IPv4",
				name, apiVersion, ipv4Since))
		}
	}
	for _, svc := range p.Services {
		out = append(out, droppedOf(svc, apiVersion)...)
	}
	return out
}

// ipv4Since is the version of the API that lets a network be without IPv4.
const ipv4Since = "1.48"

func droppedOf(svc compose.Service, apiVersion string) []string {
	flat := Flatten(svc.Spec, nil)
	var out []string
	for _, d := range drops {
		if d.then == "" || !d.by(apiVersion) || !flat.hasAny(d) {
			continue
		}
		out = append(out, fmt.Sprintf("service %s: %s: the engine speaks API %s and drops this key of API %s, so %s",
			svc.Name, d.key, apiVersion, d.since, d.then))
	}
	return out
}

func (f FlatSpec) hasAny(d drop) bool {
	for path := range f {
		if d.holds(path) {
			return true
		}
	}
	return false
}
