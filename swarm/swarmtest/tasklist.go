package swarmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"
)

// TaskList lists the tasks that were not removed: those of services that are named, all when none
// is. The filters are those of Swarm, but for roles of nodes.
func (s *Swarm) TaskList(_ context.Context, o api.TaskListOptions) ([]api.Task, error) {
	s.read("TaskList")
	defer s.mu.Unlock()
	var services []string
	for _, key := range o.Filters.Get("service") {
		svc := s.find(key)
		if svc == nil {
			return nil, missing("service", key)
		}
		services = append(services, svc.ID)
	}
	var out []api.Task
	for _, t := range s.tasks {
		f := o.Filters
		if len(services) > 0 && !slices.Contains(services, t.ServiceID) || f.Contains("_up-to-date") && s.isDirty(t) ||
			f.Contains("desired-state") && !f.ExactMatch("desired-state", string(t.DesiredState)) || f.Contains("node") && !f.ExactMatch("node", t.NodeID) ||
			!matches(f, "id", t.ID) || !f.MatchKVList("label", t.labels) {
			continue
		}
		out = append(out, t.copy())
	}
	return out, nil
}

// isDirty says whether a task has to be replaced, as it is not of its service's spec. Another
// placement alone does not matter, as long as the task's node meets its constraints.
func (s *Swarm) isDirty(t *task) bool {
	want := t.service.Spec.TaskTemplate
	if !same(t.endpoint, t.service.Spec.EndpointSpec) {
		return true
	}
	if !same(want.Placement, t.Spec.Placement) && slices.ContainsFunc(s.nodes, func(n *api.Node) bool {
		return n.ID == t.NodeID && meets(n, constraints(want))
	}) {
		want.Placement = t.Spec.Placement
	}
	return !same(t.Spec, want)
}

// isSlotDirty says whether the updater has to do with a place: one that is held by a task of
// another spec, or by several, as after an update that was cut short.
func (s *Swarm) isSlotDirty(held []*task) bool {
	return len(held) > 1 || slices.ContainsFunc(held, s.isDirty)
}

func same(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
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

// copy is deep without the spec, which nobody changes once the task is there.
func (t *task) copy() api.Task {
	c, spec := t.Task, t.Spec
	c.Spec = api.TaskSpec{}
	c = deep(c)
	c.Spec = spec
	return c
}
