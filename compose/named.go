package compose

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// warnNames warns of what a service of the file, other, says of a blue-green one that will not be
// so: ports that the proxies do not listen on, and the names of tasks.
func (m *model) warnNames(s, other Service) {
	names := regexp.QuoteMeta(s.Name) + "|" + regexp.QuoteMeta(s.Spec.Name)
	tasks := regexp.MustCompile(`(?:^|[^\w.-])(tasks\.(?:` + names + `))(?:$|[^\w-])`)
	ports := regexp.MustCompile(`(?:^|[^\w.-])(?:` + names + `):(\d{2,5})(?:$|[^\w.-])`)
	for _, text := range textsOf(other) {
		if found := tasks.FindStringSubmatch(text.value); found != nil {
			m.warnf(s.Name, "%s of %s names %s: these are the proxies of %s. The tasks are tasks.%s-blue and tasks.%s-green. "+
				"A cluster whose members find each other by this name cannot be blue-green", text.key, other.Name, found[1], s.Name, s.Name, s.Name)
		}
		for _, found := range ports.FindAllStringSubmatch(text.value, -1) {
			port, err := strconv.ParseUint(found[1], 10, 16)
			if err != nil || slices.ContainsFunc(s.BlueGreen.Ports, func(p bluegreen.Port) bool { return p.Target == uint16(port) }) {
				continue
			}
			how := fmt.Sprintf("add it to expose of %s", s.Name)
			if tree.Dig(m.rawService(s.Name), bluegreen.Key, "ports") != nil || tree.Dig(m.raw[bluegreen.Key], "ports") != nil {
				how = fmt.Sprintf("add {target: %d} to %s.ports", port, bluegreen.Key)
			}
			m.warnf(s.Name, "%s of %s names port %d of %s, but the proxies do not listen on it: %s", text.key, other.Name, port, s.Name, how)
		}
	}
}

// text is a value of a service and the key that it stands under.
type text struct{ key, value string }

// textsOf are the values of a service in which names of other services may stand.
func textsOf(s Service) []text {
	spec := s.Spec.TaskTemplate.ContainerSpec
	texts := []text{{"command", strings.Join(spec.Args, " ")}, {"entrypoint", strings.Join(spec.Command, " ")}}
	for _, entry := range spec.Env {
		name, value, _ := strings.Cut(entry, "=")
		texts = append(texts, text{"environment." + name, value})
	}
	for _, labels := range []map[string]string{s.Spec.Labels, spec.Labels} {
		for _, label := range slices.Sorted(maps.Keys(labels)) {
			if label != LabelImage {
				texts = append(texts, text{"label " + label, labels[label]})
			}
		}
	}
	return texts
}
