package swarmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"
)

// ServiceList lists the services with the numbers of their tasks, sorted by name.
func (s *Swarm) ServiceList(context.Context, api.ServiceListOptions) ([]api.Service, error) {
	s.read("ServiceList")
	defer s.mu.Unlock()
	var out []api.Service
	for _, svc := range s.services {
		out = append(out, s.copyOf(svc))
	}
	slices.SortFunc(out, func(a, b api.Service) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return out, nil
}

func (s *Swarm) copyOf(svc *service) api.Service {
	c := deep(svc.Service)
	c.ServiceStatus = &api.ServiceStatus{DesiredTasks: uint64(s.wantedOf(svc))}
	for _, t := range s.tasks {
		if t.service == svc && t.Status.State == api.TaskStateRunning && t.DesiredState == api.TaskStateRunning {
			c.ServiceStatus.RunningTasks++
		}
		if t.service == svc && t.Status.State == api.TaskStateComplete {
			c.ServiceStatus.CompletedTasks++
		}
	}
	return c
}

// ServiceInspectWithRaw finds a service by id.
func (s *Swarm) ServiceInspectWithRaw(_ context.Context, id string, _ api.ServiceInspectOptions) (api.Service, []byte, error) {
	s.read("ServiceInspectWithRaw")
	defer s.mu.Unlock()
	if svc := s.services[id]; svc != nil {
		return s.copyOf(svc), nil, nil
	}
	return api.Service{}, nil, missing("service", id)
}

// ServiceCreate makes a service and starts its tasks.
func (s *Swarm) ServiceCreate(_ context.Context, spec api.ServiceSpec, _ api.ServiceCreateOptions) (api.ServiceCreateResponse, error) {
	if err := s.write("ServiceCreate", spec.Name); err != nil {
		return api.ServiceCreateResponse{}, err
	}
	defer s.mu.Unlock()
	for _, other := range s.services {
		if other.Spec.Name == spec.Name {
			return api.ServiceCreateResponse{}, exists("service", spec.Name)
		}
	}
	svc := &service{Service: api.Service{ID: s.id("service"), Meta: s.meta(api.Meta{}), Spec: deep(spec)}}
	if isJob(spec) {
		svc.JobStatus = &api.JobStatus{JobIteration: api.Version{Index: 1}}
	}
	s.services[svc.ID] = svc
	go s.reconcile(svc, svc.iteration)
	return api.ServiceCreateResponse{ID: svc.ID}, nil
}

// ServiceUpdate writes a service that is still as the writer read it.
func (s *Swarm) ServiceUpdate(_ context.Context, id string, v api.Version, spec api.ServiceSpec, _ api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	if err := s.write("ServiceUpdate", spec.Name); err != nil {
		return api.ServiceUpdateResponse{}, err
	}
	defer s.mu.Unlock()
	svc := s.services[id]
	switch {
	case svc == nil:
		return api.ServiceUpdateResponse{}, missing("service", id)
	case svc.Version != v:
		return api.ServiceUpdateResponse{}, errSequence
	}
	previous := svc.Spec
	svc.PreviousSpec, svc.Spec, svc.Meta = &previous, deep(spec), s.meta(svc.Meta)
	if isJob(spec) {
		svc.JobStatus.JobIteration.Index++
	}
	svc.iteration++
	go s.reconcile(svc, svc.iteration)
	return api.ServiceUpdateResponse{}, nil
}

// ServiceRemove removes a service; its tasks end a moment later.
func (s *Swarm) ServiceRemove(_ context.Context, id string) error {
	s.mu.Lock()
	svc := s.services[id]
	s.mu.Unlock()
	if svc == nil {
		return missing("service", id)
	}
	if err := s.write("ServiceRemove", svc.Spec.Name); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.services, id)
	svc.iteration++
	for _, t := range s.tasks {
		if t.service == svc {
			s.shutDown(t)
		}
	}
	return nil
}

// TaskList lists the tasks of services that exist, all when none is named.
func (s *Swarm) TaskList(_ context.Context, o api.TaskListOptions) ([]api.Task, error) {
	s.read("TaskList")
	defer s.mu.Unlock()
	ids := o.Filters.Get("service")
	for _, id := range ids {
		if s.services[id] == nil {
			return nil, missing("service", id)
		}
	}
	current := o.Filters.Contains("_up-to-date")
	var out []api.Task
	for _, t := range s.tasks {
		gone := s.services[t.ServiceID] == nil && ended(t)
		if gone || len(ids) > 0 && !slices.Contains(ids, t.ServiceID) || current && !isCurrent(t) {
			continue
		}
		out = append(out, deep(t.Task))
	}
	return out, nil
}

func isCurrent(t *task) bool {
	return same(t.Spec, t.service.Spec.TaskTemplate) &&
		(t.JobIteration == nil || t.service.JobStatus != nil && *t.JobIteration == t.service.JobStatus.JobIteration)
}

func same(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// TaskLogs is what a task printed.
func (s *Swarm) TaskLogs(_ context.Context, id string, _ container.LogsOptions) (io.ReadCloser, error) {
	s.read("TaskLogs")
	defer s.mu.Unlock()
	var b bytes.Buffer
	out := stdcopy.NewStdWriter(&b, stdcopy.Stdout)
	for _, t := range s.tasks {
		if t.ID == id {
			for _, line := range t.app.Log {
				fmt.Fprintln(out, line)
			}
		}
	}
	return io.NopCloser(&b), nil
}

// ServiceLogs follows what the tasks of a job print, until they have ended.
func (s *Swarm) ServiceLogs(ctx context.Context, id string, _ container.LogsOptions) (io.ReadCloser, error) {
	s.read("ServiceLogs")
	svc := s.services[id]
	s.mu.Unlock()
	if svc == nil {
		return nil, missing("service", id)
	}
	r, w := io.Pipe()
	go func() {
		out := stdcopy.NewStdWriter(w, stdcopy.Stdout)
		for n := 0; ; {
			s.mu.Lock()
			lines, ended, changed := slices.Clone(svc.lines[n:]), svc.ended, s.changed
			s.mu.Unlock()
			for _, l := range lines {
				if _, err := fmt.Fprintln(out, l); err != nil {
					return
				}
			}
			if n += len(lines); ended {
				_ = w.Close()
				return
			}
			select {
			case <-ctx.Done():
				_ = w.CloseWithError(ctx.Err())
				return
			case <-changed:
			}
		}
	}()
	return r, nil
}
