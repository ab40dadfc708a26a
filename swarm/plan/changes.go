package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/mount"
	api "github.com/docker/docker/api/types/swarm"
	sizes "github.com/docker/go-units"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Change is one field that a step changes, in words of the compose file. From is empty for a new
// field, To for a removed one. Values that may be secret are hidden.
type Change struct {
	// Field is the name of the field.
	Field string `json:"field"`
	// From is the value now.
	From string `json:"from"`
	// To is the value after the step.
	To string `json:"to"`
}

// hidden stands for a value that must not be shown.
const hidden = "(hidden)"

// changes are the fields in which two specs differ, sorted; live is nil for a service that does not
// exist, of which only what a person looks for first is told.
func changes(want api.ServiceSpec, live *api.ServiceSpec, networks map[string]string) []Change {
	to, from := readable(want, networks), map[string]string{}
	if live != nil {
		from = readable(*live, networks)
	} else {
		maps.DeleteFunc(to, func(field, _ string) bool { return !first(field) })
	}
	fields := maps.Clone(from)
	maps.Copy(fields, to)
	var out []Change
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if from[field] != to[field] {
			out = append(out, Change{Field: field, From: shown(field, from[field]), To: shown(field, to[field])})
		}
	}
	return out
}

// first says whether a field is among those that tell most of a service.
func first(field string) bool {
	return field == "image" || field == "deploy.replicas" || field == "deploy.mode" || strings.HasPrefix(field, "ports.")
}

// readable is a spec as fields and values, in words of the compose file where it has some. Values
// are as they are.
func readable(spec api.ServiceSpec, networks map[string]string) map[string]string {
	flat := FlatSpec{}
	flat.put("", keyed(spec, networks))
	flat["Mode"] = cluster.ModeOf(spec)
	maps.DeleteFunc(flat, func(path, value string) bool { return defaults[path] == value })
	out := map[string]string{}
	for path, value := range flat {
		if field := fieldName(path); field != "" {
			out[field] = plainValue(path, value)
		}
	}
	return out
}

// keyed is the JSON of a spec in which lists whose items have a name of their own are maps by it,
// so that one more item is one change.
func keyed(spec api.ServiceSpec, networks map[string]string) map[string]any {
	spec = cluster.Clone(spec)
	spec.TaskTemplate.ForceUpdate = 0
	lists := map[string]map[string]string{"Networks": {}, "Env": {}, "Mounts": {}, "Secrets": {}, "Configs": {}, "Ports": {}}
	for _, n := range spec.TaskTemplate.Networks {
		name := n.Target
		if known, ok := networks[name]; ok {
			name = known
		}
		slices.Sort(n.Aliases)
		lists["Networks"][name] = "aliases " + strings.Join(n.Aliases, ", ")
	}
	spec.TaskTemplate.Networks = nil
	if p := spec.TaskTemplate.Placement; p != nil {
		p.Platforms = nil
	}
	if c := spec.TaskTemplate.ContainerSpec; c != nil {
		for _, e := range c.Env {
			name, value, ok := strings.Cut(e, "=")
			if !ok {
				value = "(from the node)"
			}
			lists["Env"][name] = value
		}
		for _, m := range c.Mounts {
			lists["Mounts"][m.Target] = mountText(m)
		}
		for _, s := range c.Secrets {
			lists["Secrets"][s.File.Name] = fileText(s.SecretName, s.File.UID, s.File.GID, s.File.Mode)
		}
		for _, s := range c.Configs {
			if s.File == nil { // a credential spec
				lists["Configs"]["credential_spec"] = s.ConfigName
				continue
			}
			lists["Configs"][s.File.Name] = fileText(s.ConfigName, s.File.UID, s.File.GID, s.File.Mode)
		}
		c.Env, c.Mounts, c.Secrets, c.Configs = nil, nil, nil, nil
		c.Args, c.Command = oneLine(c.Args), oneLine(c.Command)
	}
	if spec.EndpointSpec != nil {
		for _, p := range spec.EndpointSpec.Ports {
			lists["Ports"][fmt.Sprintf("%d:%d/%s", p.PublishedPort, p.TargetPort, p.Protocol)] = string(p.PublishMode)
		}
		spec.EndpointSpec.Ports = nil
	}
	var tree map[string]any
	if err := json.Unmarshal(cluster.MustJSON(spec), &tree); err != nil {
		panic(fmt.Sprintf("a service spec does not survive JSON: %v", err)) // the API itself is JSON
	}
	var settings any
	if labels, ok := tree["Labels"].(map[string]any); ok && json.Unmarshal([]byte(spec.Labels[cluster.LabelSettings]), &settings) == nil {
		delete(labels, cluster.LabelSettings)
		tree["x-bluegreen"] = settings
	}
	for name, list := range lists {
		items := map[string]any{}
		for key, value := range list {
			items[key] = value
		}
		tree[name] = items
	}
	return tree
}

// oneLine is a command as one item.
func oneLine(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return []string{strings.Join(words, " ")}
}

// mountText is a mount on one line.
func mountText(m mount.Mount) string {
	words := []string{string(m.Type)}
	if m.Source != "" {
		words = append(words, m.Source)
	}
	if m.ReadOnly {
		words = append(words, "read-only")
	}
	options := m
	options.Type, options.Source, options.Target, options.ReadOnly, options.Consistency = "", "", "", false, ""
	if v := options.VolumeOptions; v != nil {
		labels := maps.Clone(v.Labels)
		delete(labels, cluster.LabelNamespace)
		options.VolumeOptions = &mount.VolumeOptions{NoCopy: v.NoCopy, Labels: labels, Subpath: v.Subpath, DriverConfig: v.DriverConfig}
	}
	if text := string(cluster.MustJSON(options)); text != "{}" && text != `{"VolumeOptions":{}}` {
		words = append(words, text)
	}
	return strings.Join(words, " ")
}

// fileText is a secret or config in a container on one line.
func fileText(name, uid, gid string, mode os.FileMode) string {
	if uid+gid != "00" || mode != 0o444 {
		name += fmt.Sprintf(" (%s:%s %#o)", uid, gid, mode)
	}
	return name
}

// fieldNames are the names of fields in a compose file, by the beginning of their path. What
// follows a verbatim one is a name of the user's own.
var fieldNames = []struct {
	path, field string
	verbatim    bool
}{
	{"Env.", "environment.", true},
	{"Networks.", "networks.", true},
	{"Mounts.", "volumes.", true},
	{"Secrets.", "secrets.", true},
	{"Configs.", "configs.", true},
	{"Ports.", "ports.", true},
	{"Labels.", "deploy.labels.", true},
	{"Mode.Replicated.Replicas", "deploy.replicas", false},
	{"Mode.ReplicatedJob.", "deploy.", false},
	{"Mode", "deploy.mode", false},
	{"EndpointSpec.Mode", "deploy.endpoint_mode", false},
	{"UpdateConfig.", "deploy.update_config.", false},
	{"RollbackConfig.", "deploy.rollback_config.", false},
	{"TaskTemplate.ContainerSpec.Labels.", "labels.", true},
	{"TaskTemplate.ContainerSpec.Args", "command", false},
	{"TaskTemplate.ContainerSpec.Command", "entrypoint", false},
	{"TaskTemplate.ContainerSpec.Dir", "working_dir", false},
	{"TaskTemplate.ContainerSpec.Hosts", "extra_hosts", false},
	{"TaskTemplate.ContainerSpec.", "", false},
	{"TaskTemplate.Resources.", "deploy.resources.", false},
	{"TaskTemplate.Placement.", "deploy.placement.", false},
	{"TaskTemplate.RestartPolicy.", "deploy.restart_policy.", false},
	{"TaskTemplate.LogDriver.", "logging.", false},
	{"TaskTemplate.", "", false},
}

// fieldName is the name of a path in words of the compose file; empty for what is ours.
func fieldName(path string) string {
	switch {
	case path == "Name", strings.HasSuffix(path, "Labels."+cluster.LabelNamespace), strings.HasSuffix(path, "Labels."+cluster.LabelImage),
		strings.HasPrefix(path, "Labels.bluegreen."):
		return ""
	}
	for _, f := range fieldNames {
		if rest, ok := strings.CutPrefix(path, f.path); ok && f.verbatim {
			return f.field + rest
		} else if ok {
			return f.field + snake(rest)
		}
	}
	return snake(path)
}

var (
	hump   = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	inFile = strings.NewReplacer("NanoCPUs", "Cpus", "MemoryBytes", "Memory")
)

// snake turns FailureAction into failure_action.
func snake(path string) string {
	return strings.TrimSuffix(strings.ToLower(hump.ReplaceAllString(inFile.Replace(path), "${1}_${2}")), "[0]")
}

var durationPath = regexp.MustCompile(`(Delay|Monitor|Window|Interval|Timeout|StartPeriod|StopGracePeriod|x-bluegreen.*(drain|interval|timeout))$`)

// plainValue is a value as a person writes it: durations, sizes and CPUs with their units.
func plainValue(path, value string) string {
	number, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return unquoted(value)
	case durationPath.MatchString(path):
		return time.Duration(number).String()
	case strings.HasSuffix(path, "NanoCPUs"):
		return strconv.FormatFloat(float64(number)/1e9, 'f', -1, 64)
	case strings.HasSuffix(path, "MemoryBytes"):
		return sizes.BytesSize(float64(number))
	}
	return value
}

func unquoted(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

// secretName matches the names of variables and labels whose value is nobody's business.
var secretName = regexp.MustCompile(`(?i)(pass|pwd|secret|token|key|cred|auth|dsn|private|salt|signature|session)`)

// shown is a value of a field as it may be shown.
func shown(field, value string) string {
	name := field[strings.LastIndex(field, ".")+1:]
	switch {
	case value == "":
		return ""
	case strings.HasPrefix(field, "environment.") && secretName.MatchString(name),
		strings.Contains(field, "labels.") && secretName.MatchString(field):
		return hidden
	}
	return withoutPasswords(value)
}

var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)([^\s/@]*:)([^\s/@]+)@`)

// withoutPasswords hides the passwords of URLs.
func withoutPasswords(value string) string {
	return userinfo.ReplaceAllString(value, "${1}${2}"+hidden+"@")
}
