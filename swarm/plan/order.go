package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Chosen returns the services that the command is about: the named ones with their tests and,
// unless that is not wanted, what they depend on.
func Chosen(p *compose.Project, opts UpOptions) ([]compose.Service, error) {
	if len(opts.Services) == 0 {
		return p.Services, nil
	}
	byName := map[string]compose.Service{}
	for _, s := range p.Services {
		byName[s.Name] = s
	}
	wanted := map[string]bool{}
	for _, name := range opts.Services {
		if of := byName[name].TestOf; of != "" {
			return nil, fmt.Errorf("service %s is a test of %s and runs when %s gets a new release: name %s", name, of, of, of)
		}
	}
	for queue := slices.Clone(opts.Services); len(queue) > 0; queue = queue[1:] {
		s, ok := byName[queue[0]]
		if !ok {
			return nil, fmt.Errorf("no such service: %s", queue[0])
		}
		if wanted[s.Name] {
			continue
		}
		wanted[s.Name] = true
		if s.BlueGreen != nil {
			queue = append(queue, slices.Concat(s.BlueGreen.Test, s.BlueGreen.Verify)...)
		}
		for _, d := range s.DependsOn {
			if !opts.NoDeps {
				queue = append(queue, d.Service)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(p.Services), func(s compose.Service) bool { return !wanted[s.Name] }), nil
}

// levels are how many services stand between each service and one that depends on nothing.
func levels(services []compose.Service) map[string]int {
	byName := map[string]compose.Service{}
	for _, s := range services {
		byName[s.Name] = s
	}
	known := map[string]int{}
	var level func(name string) int
	level = func(name string) int {
		if n, ok := known[name]; ok {
			return n
		}
		n := 0
		for _, d := range slices.Concat(byName[name].DependsOn, ofTests(byName[name], byName)) { // without circles: the loader refuses them
			n = max(n, level(d.Service)+1)
		}
		known[name] = n
		return n
	}
	for _, s := range services {
		level(s.Name)
	}
	return known
}

// ofTests are what the tests of a service wait for, beside the service itself.
func ofTests(svc compose.Service, services map[string]compose.Service) []compose.Dependency {
	if svc.BlueGreen == nil {
		return nil
	}
	var all []compose.Dependency
	for _, job := range slices.Concat(svc.BlueGreen.Test, svc.BlueGreen.Verify) {
		all = append(all, services[job].DependsOn...)
	}
	return slices.DeleteFunc(all, func(d compose.Dependency) bool { return d.Service == svc.Name })
}

// dependents are the conditions on which others of the chosen services wait for one, by their
// names.
func (pl *planner) dependents(service string) map[string]compose.Dependency {
	out := map[string]compose.Dependency{}
	for _, s := range pl.chosen {
		for _, d := range s.DependsOn {
			if d.Service == service {
				out[s.Name] = d
			}
		}
	}
	return out
}

// rank is the place of a step among those of its service. Ports of a color that serves are looked
// at before proxies get them, those of a new release when it runs. A share is taken away before the
// color that has it is stopped, but not before the other one runs.
func rank(s Step) int {
	switch {
	case s.Revives:
		return -2
	case s.Do == CheckPorts && s.Look.Serving:
		return -1
	case s.Late:
		return Flip.place()
	}
	return s.Do.place()
}

// linked returns the steps in an order in which they could be done one by one, each with those that
// it has to wait for.
func (pl *planner) linked() []Step {
	steps := pl.steps
	cluster.SortBy(steps, func(a, b *Step) int {
		level := 0
		if a.Phase == Deploy {
			level = pl.levels[a.Service] - pl.levels[b.Service]
		}
		return cmp.Or(int(a.Phase-b.Phase), level, rank(*a)-rank(*b), cmp.Compare(a.Service, b.Service))
	})
	chains := map[string][]int{}
	for i, s := range steps {
		if s.Phase == Deploy {
			chains[s.Service] = append(chains[s.Service], i)
		}
	}
	services := map[string]compose.Service{}
	for _, s := range pl.project.Services {
		services[s.Name] = s
	}
	for name, chain := range chains {
		steps[chain[0]].After = ends(steps, chains, services, services[name])
		last := chain[0]
		for _, i := range chain[1:] {
			steps[i].After = []int{last}
			if s := steps[i]; s.Job != "" {
				waits := compose.Service{DependsOn: ofTests(services[name], services)}
				steps[i].After = append(steps[i].After, ends(steps, chains, services, waits)...)
				slices.Sort(steps[i].After)
				steps[i].After = slices.Compact(steps[i].After)
			}
			if steps[i].Do != Retire {
				last = i
			}
		}
	}
	return steps
}

// ends are the steps after which all dependencies of a service are met. A dependency that the plan
// does nothing about is met; but what it depends on itself still comes first.
func ends(steps []Step, chains map[string][]int, services map[string]compose.Service, svc compose.Service) []int {
	var out []int
	for _, d := range svc.DependsOn {
		chain := chains[d.Service]
		if len(chain) == 0 {
			out = append(out, ends(steps, chains, services, services[d.Service])...)
			continue
		}
		out = append(out, end(steps, chain, d.Condition))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// end is the step of a service after which a condition on it is met.
func end(steps []Step, chain []int, condition string) int {
	last := chain[0]
	for _, i := range chain {
		if condition == compose.Started && steps[i].Do == AwaitStarted {
			return i
		}
		if steps[i].Do != Retire {
			last = i
		}
	}
	return last
}
