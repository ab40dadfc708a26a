package compose

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// ownLabel begins the labels by which we know what is ours.
const ownLabel = "bluegreen."

// maxHostname is what Linux takes as the name of a machine.
const maxHostname = 64

// namesake is the error of two names that are the same on the swarm, which does not heed case.
func namesake(other string) error {
	return fmt.Errorf("it has the same name on the swarm as %s, because case does not matter there: give one of them another name", other)
}

// checkServiceNames finds services that cannot be beside each other, and what else of them is a
// name.
func (m *model) checkServiceNames(p *Project) error {
	var errs []error
	seen := map[string]string{}
	for _, s := range p.Services {
		name := strings.ToLower(s.Spec.Name)
		if other, ok := seen[name]; ok {
			errs = append(errs, fmt.Errorf("service %s: %w", s.Name, namesake(other)))
		}
		seen[name] = s.Name
		if hostname := s.Spec.TaskTemplate.ContainerSpec.Hostname; len(hostname) > maxHostname && !strings.Contains(hostname, "{{") {
			errs = append(errs, fmt.Errorf("service %s: hostname: %q has %d characters, and Linux takes %d: shorten it",
				s.Name, hostname, len(hostname), maxHostname))
		}
		if err := checkOwnLabels(s.Spec.Labels); err != nil {
			errs = append(errs, fmt.Errorf("service %s: deploy.labels: %w", s.Name, err))
		}
		m.warnAliases(s)
	}
	return errors.Join(errs...)
}

// checkOwnLabels finds labels that would make something of the user's look like ours.
func checkOwnLabels(labels map[string]string) error {
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		if strings.HasPrefix(label, ownLabel) {
			return fmt.Errorf("%s: labels that begin with %s belong to docker bluegreen: use another one", label, ownLabel)
		}
	}
	return nil
}

// checkOwnName says whether a network, secret or config has a name that is kept for what we make.
func (m *model) checkOwnName(name string) error {
	rest, ok := strings.CutPrefix(strings.ToLower(name), strings.ToLower(m.stack)+reservedSuffix)
	if !ok || rest == "" || rest[0] != '_' && rest != "-lock" {
		return nil
	}
	return fmt.Errorf("%q: names that begin with %s%s_ are kept for the proxies and colors of the stack: use another one",
		name, m.stack, reservedSuffix)
}

// names are the keys of networks, secrets or configs by their names on the swarm, without case.
type names map[string]struct {
	key      string
	external bool
}

// add finds two keys of a kind, such as networks, that name one object and do not say the same of
// it.
func (n names) add(m *model, kind, key, name string, external bool) error {
	name = strings.ToLower(name)
	other, ok := n[name]
	same := other.external && external || reflect.DeepEqual(tree.Dig(m.raw, kind, key), tree.Dig(m.raw, kind, other.key))
	if ok && !same {
		return namesake(other.key)
	}
	n[name] = struct {
		key      string
		external bool
	}{key, external}
	return nil
}

// dnsLabel is a part of a name that DNS can be asked for.
var dnsLabel = lazy(`^[^\s.]{1,63}$`)

// warnAliases names aliases that Swarm takes, and that nothing can find.
func (m *model) warnAliases(s Service) {
	for _, attachment := range s.Spec.TaskTemplate.Networks {
		for _, alias := range attachment.Aliases {
			good := len(alias) <= 253
			for part := range strings.SplitSeq(alias, ".") {
				good = good && dnsLabel().MatchString(part)
			}
			if !good {
				m.warnf(s.Name, "networks: the alias %q is not a name that DNS can look up, so nothing finds it", alias)
			}
		}
	}
}
