package preflight

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// secondStack finds stacks that run already what would be deployed beside them under another name:
// the same rules of routers lead to both, or the same services were meant. Who says -p knows that
// the images are the same.
func (f *Findings) secondStack() {
	others := otherStacks(f.seen.Foreign)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		for _, text := range f.sameRules(others[name]) {
			f.Problems = append(f.Problems, text+f.hint(name))
		}
	}
	if f.project.Named || !f.seen.Empty() {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		if same := others[name].runs(f.project); name != "" && len(same) > 0 {
			f.Problems = append(f.Problems, fmt.Sprintf("stack %s already runs %s with the same images, and %s would be a second stack: "+
				"if you mean stack %s, run the command with `-p %s`; for a second stack, with `-p %s`", name, cluster.Sentence(same), f.project.Name, name, name, f.project.Name))
		}
	}
}

// hint names the stack that is probably meant, where this one is not there yet.
func (f *Findings) hint(stack string) string {
	if stack == "" || !f.seen.Empty() {
		return ""
	}
	return fmt.Sprintf("; if you mean stack %s, run the command with `-p %s`", stack, stack)
}

// meant is the hint for who owns something that this stack wants.
func (f *Findings) meant(service string) string { return f.hint(stackOf(f.seen.Foreign[service])) }

// sameRules are sentences about services that are to be created, and for which routers would have
// the same rules as for services of another stack.
func (f *Findings) sameRules(other otherStack) []string {
	var out []string
	for _, svc := range f.project.Services {
		if !f.creates(svc.Name) {
			continue
		}
		rules := compose.RouterRules(svc.Spec.Labels)
		for _, rule := range slices.Sorted(maps.Keys(rules)) {
			if owner := other.rules[rule]; owner != "" {
				out = append(out, fmt.Sprintf("service %s: a router would send requests for %s to it and to service %s: give it another rule", svc.Name, rules[rule], owner))
				break
			}
		}
	}
	return out
}

// creates says whether the plan makes a service that is not there.
func (f *Findings) creates(service string) bool {
	_, plain := f.seen.Plain[service]
	return !plain && f.seen.BlueGreen[service] == nil && slices.ContainsFunc(f.plan.Steps, func(s plan.Step) bool { return s.Service == service })
}

// otherStack is what is known of a stack that is not ours.
type otherStack struct {
	images map[string]map[string]bool // repositories by the name of the service in its file
	rules  map[string]string          // services by the rule of a router
}

// stackOf is the name of the stack that a service belongs to, empty for none.
func stackOf(svc api.Service) string {
	if stack := svc.Spec.Labels[cluster.LabelStack]; stack != "" {
		return stack
	}
	return svc.Spec.Labels[cluster.LabelNamespace]
}

// otherStacks puts services together by their stack.
func otherStacks(services map[string]api.Service) map[string]otherStack {
	all := map[string]otherStack{}
	for _, svc := range services {
		labels, stack := svc.Spec.Labels, stackOf(svc)
		if _, ok := all[stack]; !ok {
			all[stack] = otherStack{images: map[string]map[string]bool{}, rules: map[string]string{}}
		}
		name := labels[cluster.LabelService]
		if labels[cluster.LabelRole] == "" {
			name = strings.TrimPrefix(svc.Spec.Name, stack+"_")
		}
		if all[stack].images[name] == nil {
			all[stack].images[name] = map[string]bool{}
		}
		if labels[cluster.LabelRole] != cluster.RoleProxy {
			all[stack].images[name][repository(labels[cluster.LabelImage])] = true
		}
		for rule := range compose.RouterRules(labels) {
			all[stack].rules[rule] = svc.Spec.Name
		}
	}
	return all
}

// repository is an image without tag and digest.
func repository(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return named.Name()
}

// runs are the services of a project that a stack runs too, by name and image: where the project
// has blue-green services those count, since every second stack has a db; where it has none all of
// them must be there.
func (other otherStack) runs(p *compose.Project) []string {
	var same, blueGreen []string
	for _, svc := range p.Services {
		if other.images[svc.Name][repository(svc.Spec.Labels[cluster.LabelImage])] {
			same = append(same, svc.Name)
			if svc.BlueGreen != nil {
				blueGreen = append(blueGreen, svc.Name)
			}
		}
	}
	if len(blueGreen) > 0 || len(same) == len(p.Services) {
		return same
	}
	return nil
}
