package suite

import (
	"slices"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// nodes are scenarios in which nodes are drained and paused.
var nodes = []Scenario{
	{Name: "drained node", Alone: true, run: func(r *run) {
		id, _ := r.runs(r.spec(Serves, 2))
		s := r.spec(Serves, 1)
		s.Name += "-global"
		s.Mode = api.ServiceMode{Global: &api.GlobalService{}}
		global := r.create(s)
		before := where(r.awaitRunning(global, len(r.Nodes)), func(t api.Task) bool { return t.NodeID == r.host(r.Nodes[0]) })
		r.set(r.Nodes[0], api.NodeAvailabilityDrain)
		r.await("the tasks move", func() bool {
			return len(where(r.tasks(id), func(t api.Task) bool { return isRunning(t) && t.NodeID != r.host(r.Nodes[0]) })) == 2
		})
		if left := r.awaitRunning(global, len(r.Nodes)-1); slices.Contains(ids(left), before[0].ID) {
			r.Errorf("the global task still runs on %s", r.Nodes[0])
		}
		r.status(global, api.ServiceStatus{RunningTasks: uint64(len(r.Nodes) - 1), DesiredTasks: uint64(len(r.Nodes) - 1)})
		moved := ids(where(r.tasks(id), isRunning))
		r.set(r.Nodes[0], api.NodeAvailabilityActive)
		r.awaitRunning(global, len(r.Nodes))
		if now := ids(where(r.tasks(id), isRunning)); !slices.Equal(now, moved) {
			r.Errorf("tasks came back: %v, before %v", now, moved)
		}
	}},
	{Name: "paused node", Alone: true, run: func(r *run) {
		id, before := r.runs(r.spec(Serves, 2))
		r.set(r.Nodes[0], api.NodeAvailabilityPause)
		scale(r, id, 4)
		now := r.awaitRunning(id, 4)
		for _, t := range now {
			if isNew := !slices.Contains(ids(before), t.ID); isNew && t.NodeID == r.host(r.Nodes[0]) {
				r.Errorf("a new task is on the paused node")
			}
		}
		if kept := where(now, func(t api.Task) bool { return slices.Contains(ids(before), t.ID) }); len(kept) != 2 {
			r.Errorf("%d tasks were kept, want 2", len(kept))
		}
	}},
	{Name: "task waits for a node", Alone: true, run: func(r *run) {
		r.set(r.Nodes[0], api.NodeAvailabilityPause)
		s := r.spec(Serves, 1)
		constrain(&s, "node.hostname == "+r.Nodes[0])
		id := r.create(s)
		r.await("the task waits", func() bool {
			tasks := r.tasks(id)
			return len(tasks) == 1 && tasks[0].Status.State == api.TaskStatePending && tasks[0].Status.Err != ""
		})
		r.set(r.Nodes[0], api.NodeAvailabilityActive)
		r.awaitRunning(id, 1)
		r.never("there is a second", time.Second, func() bool { return len(r.tasks(id)) > 1 })
	}},
}

// set gives a node an availability, until the scenario ends.
func (r *run) set(host string, a api.NodeAvailability) {
	r.Helper()
	r.must(r.SetAvailability(host, a))
	r.Cleanup(func() {
		if err := r.SetAvailability(host, api.NodeAvailabilityActive); err != nil {
			r.Error(err)
		}
	})
	r.await("the node has it", func() bool {
		list, err := r.Engine.NodeList(r.Context(), api.NodeListOptions{})
		r.must(err)
		return slices.ContainsFunc(list, func(n api.Node) bool { return n.Description.Hostname == host && n.Spec.Availability == a })
	})
}
