package swarmtest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	api "github.com/docker/docker/api/types/swarm"
)

// ServiceList lists the services, sorted by name, with the numbers of their tasks where these are
// asked for. Of filters there are names (or how they begin), ids and labels.
func (s *Swarm) ServiceList(_ context.Context, o api.ServiceListOptions) ([]api.Service, error) {
	s.read("ServiceList")
	defer s.mu.Unlock()
	var out []api.Service
	for _, svc := range s.services {
		if !matches(o.Filters, "name", svc.Spec.Name) || !matches(o.Filters, "id", svc.ID) || !o.Filters.MatchKVList("label", svc.Spec.Labels) {
			continue
		}
		c := s.copyOf(svc)
		if !o.Status {
			c.ServiceStatus = nil
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b api.Service) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return out, nil
}

// matches says whether a filter is not set, or one of its values is how a value begins.
func matches(f filters.Args, key, value string) bool {
	return !f.Contains(key) || slices.ContainsFunc(f.Get(key), func(x string) bool { return strings.HasPrefix(value, x) })
}

// copyOf is a service with the numbers of its tasks, as a list with status has them.
func (s *Swarm) copyOf(svc *service) api.Service {
	c := deep(svc.Service)
	c.ServiceStatus = &api.ServiceStatus{}
	switch m := svc.Spec.Mode; {
	case m.Replicated != nil:
		c.ServiceStatus.DesiredTasks = uint64(replicas(svc.Spec))
	case m.ReplicatedJob != nil:
		c.ServiceStatus.DesiredTasks = uint64(concurrent(svc.Spec))
	}
	for _, t := range s.tasks {
		switch {
		case t.service != svc || isJob(svc.Spec) && t.JobIteration.Index != svc.JobStatus.JobIteration.Index:
			continue
		case t.Status.State == api.TaskStateRunning:
			c.ServiceStatus.RunningTasks++
		case t.Status.State == api.TaskStateComplete && isJob(svc.Spec):
			c.ServiceStatus.CompletedTasks++
		}
		if isGlobal(svc.Spec) && (t.DesiredState == api.TaskStateRunning || t.DesiredState == api.TaskStateComplete && t.Status.State != api.TaskStateComplete) {
			c.ServiceStatus.DesiredTasks++
		}
	}
	return c
}

// find returns a service by its id or its name, nil for none.
func (s *Swarm) find(key string) *service {
	for _, svc := range s.services {
		if svc.ID == key || svc.Spec.Name == key {
			return svc
		}
	}
	return nil
}

// ServiceInspectWithRaw finds a service by its id or its name.
func (s *Swarm) ServiceInspectWithRaw(_ context.Context, id string, _ api.ServiceInspectOptions) (api.Service, []byte, error) {
	s.read("ServiceInspectWithRaw")
	defer s.mu.Unlock()
	if svc := s.find(id); svc != nil {
		return deep(svc.Service), nil, nil
	}
	return api.Service{}, nil, missing("service", id)
}

// ServiceCreate makes a service and starts its tasks.
func (s *Swarm) ServiceCreate(_ context.Context, spec api.ServiceSpec, _ api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	if err := s.write("ServiceCreate", spec.Name); err != nil {
		return api.ServiceCreateResponse{}, err
	}
	defer s.mu.Unlock()
	if other := s.find(spec.Name); other != nil {
		return api.ServiceCreateResponse{}, exists("service", spec.Name)
	}
	svc := &service{Service: api.Service{ID: s.id("service"), Meta: s.meta(api.Meta{}), Spec: deep(spec)}}
	if isJob(spec) {
		svc.JobStatus = &api.JobStatus{LastExecution: time.Now()}
	}
	s.services[svc.ID] = svc
	s.emit(events.ServiceEventType, events.ActionCreate, svc.ID, spec.Name)
	go s.reconcile(svc, svc.iteration)
	return api.ServiceCreateResponse{ID: svc.ID}, nil
}

// ServiceUpdate writes a service that is still as the writer read it. With Rollback it gives it its
// previous spec.
func (s *Swarm) ServiceUpdate(_ context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	if err := s.write("ServiceUpdate", spec.Name); err != nil {
		return api.ServiceUpdateResponse{}, err
	}
	defer s.mu.Unlock()
	svc := s.find(id)
	switch {
	case svc == nil:
		return api.ServiceUpdateResponse{}, missing("service", id)
	case svc.Version != v:
		return api.ServiceUpdateResponse{}, errSequence
	case o.Rollback == "previous" && svc.PreviousSpec == nil:
		return api.ServiceUpdateResponse{}, invalid("service %s does not have a previous spec", id)
	}
	previous := svc.Spec
	if svc.UpdateStatus = nil; o.Rollback == "previous" {
		spec = *svc.PreviousSpec
		svc.UpdateStatus = &api.UpdateStatus{State: api.UpdateStateRollbackStarted, StartedAt: new(time.Now()), Message: "manually requested rollback"}
	}
	svc.PreviousSpec, svc.Spec = &previous, deep(spec)
	if isJob(spec) {
		svc.JobStatus.JobIteration.Index++
		svc.JobStatus.LastExecution = time.Now()
	}
	s.written(svc)
	svc.iteration++
	go s.reconcile(svc, svc.iteration)
	return api.ServiceUpdateResponse{}, nil
}

// written gives a service that was changed a new version.
func (s *Swarm) written(svc *service) {
	svc.Meta = s.meta(svc.Meta)
	s.emit(events.ServiceEventType, events.ActionUpdate, svc.ID, svc.Spec.Name)
	s.change()
}

// ServiceRemove removes a service; its tasks end a moment later.
func (s *Swarm) ServiceRemove(_ context.Context, id string) error {
	s.mu.Lock()
	svc := s.find(id)
	s.mu.Unlock()
	if svc == nil {
		return missing("service", id)
	}
	if err := s.write("ServiceRemove", svc.Spec.Name); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.services, svc.ID)
	svc.iteration++
	s.emit(events.ServiceEventType, events.ActionRemove, svc.ID, svc.Spec.Name)
	go s.dissolve(svc)
	return nil
}

// dissolve ends the tasks of a service that was removed, and they leave no trace.
func (s *Swarm) dissolve(svc *service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range slices.Clone(s.tasks) {
		if t.service == svc {
			s.end(t, api.TaskStateRemove)
		}
	}
}
