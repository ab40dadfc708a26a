package compose

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What stands in templates of Swarm.
var (
	braces       = lazy(`\{\{.*?\}\}`)
	serviceName  = lazy(`\.Service\.Name\b`)
	serviceLabel = lazy(`index\s+\.Service\.Labels\s+("(?:[^"\\]|\\.)*"|` + "`[^`]*`" + `)`)
	justText     = lazy(`^\{\{-?\s*("(?:[^"\\]|\\.)*")\s*-?\}\}$`)
	perService   = lazy(`\.Service\b`)
)

// pinTemplates replaces in templates of Swarm what would be another for each color: name and labels
// are those of the service. Templates stand in mounts, environment and hostname (moby,
// daemon/cluster/executor/container, ExpandContainerSpec).
func (m *model) pinTemplates(s *Service) error {
	spec := s.Spec.TaskTemplate.ContainerSpec
	var errs []error
	for i := range spec.Mounts {
		mnt := &spec.Mounts[i]
		mnt.Source, mnt.Target = pinned(mnt.Source, *s), pinned(mnt.Target, *s)
		if found := differing(mnt.Source); found != "" {
			errs = append(errs, fmt.Errorf("volumes: %s differs between the colors, so each flip would change the data: name the volume without it", found))
		}
	}
	for i, entry := range spec.Env {
		spec.Env[i] = pinned(entry, *s)
		if found := differing(spec.Env[i]); found != "" {
			name, _, _ := strings.Cut(entry, "=")
			m.warnf(s.Name, "environment.%s: %s differs between the colors", name, found)
		}
	}
	spec.Hostname = pinned(spec.Hostname, *s)
	return errors.Join(errs...)
}

// pinned is a text with the name and the labels of the service where templates ask for them.
func pinned(text string, s Service) string {
	return braces().ReplaceAllStringFunc(text, func(template string) string {
		template = serviceLabel().ReplaceAllStringFunc(template, func(found string) string {
			key, err := strconv.Unquote(serviceLabel().FindStringSubmatch(found)[1])
			if err != nil {
				return found
			}
			return strconv.Quote(s.Spec.Labels[key])
		})
		template = serviceName().ReplaceAllLiteralString(template, strconv.Quote(s.Spec.Name))
		if text := justText().FindStringSubmatch(template); text != nil {
			if plain, err := strconv.Unquote(text[1]); err == nil {
				return plain
			}
		}
		return template
	})
}

// differing is the first template of a text that asks for the service, empty for none.
func differing(text string) string {
	for _, template := range braces().FindAllString(text, -1) {
		if perService().MatchString(template) {
			return template
		}
	}
	return ""
}
