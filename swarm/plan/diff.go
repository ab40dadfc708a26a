package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// defaults are the values that the engine writes for a field that was left out, by path.
var defaults = map[string]string{
	"Mode.Replicated.Replicas":                   "1",
	"Mode.ReplicatedJob.MaxConcurrent":           "1",
	"Mode.ReplicatedJob.TotalCompletions":        "1",
	"EndpointSpec.Mode":                          `"vip"`,
	"TaskTemplate.Runtime":                       `"container"`,
	"TaskTemplate.ContainerSpec.Isolation":       `"default"`,
	"TaskTemplate.RestartPolicy.Condition":       `"any"`,
	"TaskTemplate.RestartPolicy.Delay":           "5000000000",
	"TaskTemplate.ContainerSpec.StopGracePeriod": "10000000000",
	"UpdateConfig.FailureAction":                 `"pause"`,
	"UpdateConfig.Order":                         `"stop-first"`,
	"UpdateConfig.Monitor":                       "5000000000",
	"UpdateConfig.Parallelism":                   "1",
	"RollbackConfig.FailureAction":               `"pause"`,
	"RollbackConfig.Order":                       `"stop-first"`,
	"RollbackConfig.Monitor":                     "5000000000",
	"RollbackConfig.Parallelism":                 "1",
}

// FlatSpec is a spec as paths and values: without what is empty, without the engine's defaults,
// with names instead of ids, and with sorted lists where the order means nothing.
type FlatSpec map[string]string

// Flatten returns the flat form of a spec. networks gives the name for each network id.
func Flatten(spec api.ServiceSpec, networks map[string]string) FlatSpec {
	spec = cluster.Clone(spec)
	spec.TaskTemplate.ForceUpdate = 0
	for i, n := range spec.TaskTemplate.Networks {
		if name, ok := networks[n.Target]; ok {
			spec.TaskTemplate.Networks[i].Target = name
		}
		slices.Sort(spec.TaskTemplate.Networks[i].Aliases)
	}
	if p := spec.TaskTemplate.Placement; p != nil {
		p.Platforms = nil // the registry's word, written by whoever resolved the digest
	}
	if c := spec.TaskTemplate.ContainerSpec; c != nil {
		for _, s := range c.Secrets {
			s.SecretID = ""
		}
		for _, s := range c.Configs {
			if p := c.Privileges; p != nil && p.CredentialSpec != nil && p.CredentialSpec.Config == s.ConfigID && s.ConfigID != "" {
				p.CredentialSpec.Config = s.ConfigName
			}
			s.ConfigID = ""
		}
		sortByJSON(c.Secrets)
		sortByJSON(c.Configs)
		sortByJSON(c.Mounts)
		slices.Sort(c.Hosts)
		slices.Sort(c.Env)
	}
	sortByJSON(spec.TaskTemplate.Networks)
	if spec.EndpointSpec != nil {
		for i := range spec.EndpointSpec.Ports {
			p := &spec.EndpointSpec.Ports[i]
			p.Protocol, p.PublishMode = cmp.Or(p.Protocol, api.PortConfigProtocolTCP), cmp.Or(p.PublishMode, api.PortConfigPublishModeIngress)
		}
		sortByJSON(spec.EndpointSpec.Ports)
	}
	var tree any
	if err := json.Unmarshal(cluster.MustJSON(spec), &tree); err != nil {
		panic(fmt.Sprintf("a service spec does not survive JSON: %v", err))
	}
	flat := FlatSpec{}
	flat.put("", tree)
	flat["Mode"] = cluster.ModeOf(spec)
	maps.DeleteFunc(flat, func(path, value string) bool { return defaults[path] == value })
	return flat
}

func sortByJSON[T any](list []T) {
	cluster.SortBy(list, func(a, b *T) int { return strings.Compare(string(cluster.MustJSON(*a)), string(cluster.MustJSON(*b))) })
}

func (f FlatSpec) put(path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			f.put(strings.TrimPrefix(path+"."+k, "."), x)
		}
	case []any:
		for i, x := range v {
			f.put(fmt.Sprintf("%s[%d]", path, i), x)
		}
	case nil:
	default:
		if s := string(cluster.MustJSON(v)); s != `""` && s != "0" && s != "false" {
			f[path] = s
		}
	}
}

// Differences returns the paths at which two flat specs differ, sorted.
func (f FlatSpec) Differences(other FlatSpec) []string {
	var paths []string
	for p, v := range f {
		if other[p] != v {
			paths = append(paths, p)
		}
	}
	for p := range other {
		if _, ok := f[p]; !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

// fields are the words for the parts of a spec, the longest path first where two fit.
var fields = []struct{ path, word string }{
	{"TaskTemplate.ContainerSpec.Image", "image"},
	{"TaskTemplate.ContainerSpec.Env", "environment"},
	{"TaskTemplate.ContainerSpec.Args", "command"},
	{"TaskTemplate.ContainerSpec.Command", "entrypoint"},
	{"TaskTemplate.ContainerSpec.Healthcheck", "healthcheck"},
	{"TaskTemplate.ContainerSpec.Mounts", "volumes"},
	{"TaskTemplate.ContainerSpec.Secrets", "secrets"},
	{"TaskTemplate.ContainerSpec.Configs", "configs"},
	{"TaskTemplate.ContainerSpec.Labels", "container labels"},
	{"TaskTemplate.ContainerSpec.Hosts", "extra_hosts"},
	{"TaskTemplate.ContainerSpec.Privileges", "privileges"},
	{"TaskTemplate.ContainerSpec.", "container"},
	{"TaskTemplate.Networks", "networks"},
	{"TaskTemplate.Resources", "resources"},
	{"TaskTemplate.Placement", "placement"},
	{"TaskTemplate.RestartPolicy", "restart policy"},
	{"TaskTemplate.LogDriver", "logging"},
	{"TaskTemplate.", "task"},
	{"EndpointSpec.Ports", "ports"},
	{"EndpointSpec.Mode", "endpoint mode"},
	{"UpdateConfig", "update_config"},
	{"RollbackConfig", "rollback_config"},
	{"Mode.", "replicas"},
	{"Mode", "mode"},
	{"Labels", "labels"},
	{"Name", "name"},
}

// words names what differs, each part once, in the order of fields; values are not shown, since
// environments hold passwords.
func words(paths []string) []string {
	var out []string
	paths = slices.Clone(paths)
	for _, f := range fields {
		n := len(paths)
		paths = slices.DeleteFunc(paths, func(p string) bool { return strings.HasPrefix(p, f.path) })
		if len(paths) < n {
			out = append(out, f.word)
		}
	}
	return out
}

// InTask says whether a path belongs to what tasks are made of: a change there restarts them.
func InTask(path string) bool { return strings.HasPrefix(path, "TaskTemplate.") }

// restarts says whether Swarm replaces the tasks for a change at a path: it does so for another
// endpoint, too (swarmkit, manager/orchestrator/task.go, IsTaskDirty).
func restarts(path string) bool { return InTask(path) || strings.HasPrefix(path, "EndpointSpec") }
