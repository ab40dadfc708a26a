package compose

import (
	"errors"
	"fmt"
	"slices"

	"github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// tests finds the jobs that test releases, and says of each whose.
func (m *model) tests(p *Project) error {
	var errs []error
	for _, s := range p.Services {
		if s.BlueGreen == nil {
			continue
		}
		for i, name := range slices.Concat(s.BlueGreen.Test, s.BlueGreen.Verify) {
			key := "test"
			if i >= len(s.BlueGreen.Test) {
				key = "verify"
			}
			if err := m.test(p, s, name); err != nil {
				errs = append(errs, fmt.Errorf("service %s: %s.%s: %w", s.Name, bluegreen.Key, key, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (m *model) test(p *Project, s Service, name string) error {
	i := slices.IndexFunc(p.Services, func(t Service) bool { return t.Name == name })
	if i < 0 {
		if _, ok := m.project.DisabledServices[name]; ok {
			return fmt.Errorf("%s is in no active profile: name its profile with --profile, or take it out of profiles", name)
		}
		return fmt.Errorf("the file has no service %s: correct the name, or take it out", name)
	}
	job := &p.Services[i]
	if job.Spec.Mode.ReplicatedJob == nil {
		return fmt.Errorf("%s runs for ever, and a test must end: write deploy.mode: %s in %s", name, modeReplicatedJob, name)
	}
	if job.TestOf != "" && job.TestOf != s.Name {
		return fmt.Errorf("%s tests %s already: give each service a test of its own", name, job.TestOf)
	}
	if !slices.ContainsFunc(job.Spec.TaskTemplate.Networks, func(a swarm.NetworkAttachmentConfig) bool {
		return slices.ContainsFunc(s.Spec.TaskTemplate.Networks, func(b swarm.NetworkAttachmentConfig) bool { return a.Target == b.Target })
	}) {
		return fmt.Errorf("%s is on no network of %s, so it cannot reach it: add one to networks in %s", name, s.Name, name)
	}
	for _, d := range job.DependsOn {
		if d.Service != s.Name && needs(p, d.Service, s.Name) {
			return fmt.Errorf("%s waits for %s, which waits for %s: take one of them out of depends_on", name, d.Service, s.Name)
		}
	}
	for _, other := range p.Services {
		if slices.ContainsFunc(other.DependsOn, func(d Dependency) bool { return d.Service == name }) {
			return fmt.Errorf("%s depends on %s, which runs only as a test: take it out of depends_on", other.Name, name)
		}
	}
	job.TestOf = s.Name
	return nil
}

// needs says whether a service depends on another one, over others or not. Circles are refused
// before.
func needs(p *Project, name, other string) bool {
	i := slices.IndexFunc(p.Services, func(s Service) bool { return s.Name == name })
	return i >= 0 && slices.ContainsFunc(p.Services[i].DependsOn, func(d Dependency) bool { return d.Service == other || needs(p, d.Service, other) })
}
