package suite

import (
	"net/netip"
	"slices"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// services are scenarios about which tasks there are, where, and what is told of them.
var services = []Scenario{
	{Name: "slots and nodes", run: func(r *run) {
		id, tasks := r.runs(r.spec(Serves, 2))
		slots := []int{tasks[0].Slot, tasks[1].Slot}
		if slices.Sort(slots); !slices.Equal(slots, []int{1, 2}) {
			r.Errorf("slots %v", slots)
		}
		if tasks[0].NodeID == tasks[1].NodeID {
			r.Errorf("both tasks are on node %s", tasks[0].NodeID)
		}
		for _, t := range tasks {
			if t.ServiceID != id || t.Status.ContainerStatus == nil || t.Status.ContainerStatus.ContainerID == "" {
				r.Errorf("task %+v", t)
			}
		}
	}},
	{Name: "scaled up and down", run: scaled},
	{Name: "scaled to nothing", run: func(r *run) {
		id, _ := r.runs(r.spec(Serves, 1))
		scale(r, id, 0)
		r.await("no task is left", func() bool { return len(r.tasks(id)) == 0 })
		r.status(id, api.ServiceStatus{})
		scale(r, id, 1)
		r.awaitRunning(id, 1)
	}},
	{Name: "global service", run: func(r *run) {
		s := r.spec(Serves, 1)
		s.Mode = api.ServiceMode{Global: &api.GlobalService{}}
		id := r.create(s)
		tasks := r.awaitRunning(id, len(r.Nodes))
		for _, host := range r.Nodes {
			node := r.host(host)
			on := where(tasks, func(t api.Task) bool { return t.NodeID == node && t.Slot == 0 })
			if len(on) != 1 {
				r.Errorf("%d tasks on %s", len(on), host)
			}
		}
		r.status(id, api.ServiceStatus{RunningTasks: uint64(len(r.Nodes)), DesiredTasks: uint64(len(r.Nodes))})
		r.update(id, func(s *api.ServiceSpec) { constrain(s, "node.hostname == "+r.Nodes[1]) })
		if left := r.awaitRunning(id, 1); left[0].NodeID != r.host(r.Nodes[1]) {
			r.Errorf("the task that is left is on node %s", left[0].NodeID)
		}
	}},
	{Name: "constraint", run: func(r *run) {
		s := r.spec(Serves, 2)
		constrain(&s, "node.hostname == "+r.Nodes[1])
		_, tasks := r.runs(s)
		for _, t := range tasks {
			if t.NodeID != r.host(r.Nodes[1]) {
				r.Errorf("a task is on node %s", t.NodeID)
			}
		}
	}},
	{Name: "constraint that is met already", run: func(r *run) {
		s := r.spec(Serves, 1)
		constrain(&s, "node.hostname == "+r.Nodes[0])
		id, before := r.runs(s)
		r.update(id, func(s *api.ServiceSpec) { constrain(s, "node.id == "+before[0].NodeID) })
		r.never("the task is replaced", 2*time.Second, func() bool { return len(r.tasks(id)) != 1 })
		r.update(id, func(s *api.ServiceSpec) { constrain(s, "node.hostname == "+r.Nodes[1]) })
		r.await("the task moves", func() bool {
			now := where(r.tasks(id), isRunning)
			return len(now) == 1 && now[0].NodeID == r.host(r.Nodes[1])
		})
	}},
	{Name: "constraint that no node meets", run: func(r *run) {
		s := r.spec(Serves, 1)
		constrain(&s, "node.hostname == nowhere")
		id := r.create(s)
		r.await("the task waits", func() bool {
			tasks := r.tasks(id)
			return len(tasks) == 1 && tasks[0].Status.State == api.TaskStatePending && tasks[0].NodeID == "" &&
				tasks[0].DesiredState == api.TaskStateRunning && tasks[0].Status.Err != ""
		})
		r.status(id, api.ServiceStatus{DesiredTasks: 1})
		r.update(id, func(s *api.ServiceSpec) { constrain(s) })
		r.awaitRunning(id, 1)
	}},
	{Name: "addresses", run: addresses},
	{Name: "task that ends slowly", run: endsSlowly},
	{Name: "service removed", run: removed},
	{Name: "filters of tasks", run: taskFilters},
	{Name: "output of a task", run: func(r *run) {
		_, tasks := r.runs(r.spec(Serves, 1))
		r.prints(tasks[0].ID, r.Line)
	}},
	{Name: "nodes", run: func(r *run) {
		list, err := r.Engine.NodeList(r.Context(), api.NodeListOptions{})
		r.must(err)
		for _, host := range r.Nodes {
			i := slices.IndexFunc(list, func(n api.Node) bool { return n.Description.Hostname == host })
			if i < 0 {
				r.Fatalf("no node %s", host)
			}
			n := list[i]
			if n.ID == "" || n.Status.State != api.NodeStateReady || n.Spec.Availability != api.NodeAvailabilityActive ||
				n.Description.Platform.OS != "linux" || n.Description.Resources.NanoCPUs == 0 || n.Description.Resources.MemoryBytes == 0 {
				r.Errorf("node %+v", n)
			}
		}
	}},
}

func constrain(s *api.ServiceSpec, constraints ...string) {
	s.TaskTemplate.Placement = &api.Placement{Constraints: constraints}
}

func scale(r *run, id string, n uint64) {
	r.Helper()
	r.update(id, func(s *api.ServiceSpec) { s.Mode.Replicated.Replicas = &n })
}

func scaled(r *run) {
	id, first := r.runs(r.spec(Serves, 1))
	scale(r, id, 3)
	three := r.awaitRunning(id, 3)
	if !slices.Contains(ids(three), first[0].ID) {
		r.Errorf("the first task was replaced: %v, before %v", ids(three), ids(first))
	}
	scale(r, id, 2)
	two := r.awaitRunning(id, 2)
	for _, t := range two {
		if !slices.Contains(ids(three), t.ID) {
			r.Errorf("task %s is new", t.ID)
		}
	}
	if two[0].NodeID == two[1].NodeID {
		r.Errorf("the tasks that are left are both on node %s", two[0].NodeID)
	}
	r.await("the third task leaves no trace", func() bool { return len(r.tasks(id)) == 2 })
	r.status(id, api.ServiceStatus{RunningTasks: 2, DesiredTasks: 2})
	scale(r, id, 3)
	var slots []int
	for _, t := range r.awaitRunning(id, 3) {
		slots = append(slots, t.Slot)
	}
	if slices.Sort(slots); !slices.Equal(slots, []int{1, 2, 3}) {
		r.Errorf("slots %v", slots)
	}
	if st := r.inspect(id).UpdateStatus; st != nil {
		r.Errorf("scaling is an update: %+v", st)
	}
}

func addresses(r *run) {
	nets := []string{r.net("a"), r.net("b")}
	s := r.spec(Serves, 2)
	s.TaskTemplate.Networks = []api.NetworkAttachmentConfig{{Target: nets[0], Aliases: []string{"x"}}, {Target: nets[1]}}
	_, tasks := r.runs(s)
	seen := map[netip.Addr]bool{}
	for _, t := range tasks {
		var on []string
		for _, a := range t.NetworksAttachments {
			on = append(on, a.Network.ID)
			if len(a.Addresses) != 1 {
				r.Fatalf("addresses %v", a.Addresses)
			}
			p, err := netip.ParsePrefix(a.Addresses[0])
			r.must(err)
			if subnet := r.subnet(a.Network.ID); !subnet.Contains(p.Addr()) || subnet.Bits() != p.Bits() {
				r.Errorf("address %s is not of the network's %s", p, subnet)
			}
			if seen[p.Addr()] {
				r.Errorf("%s is given twice", p)
			}
			seen[p.Addr()] = true
		}
		slices.Sort(on)
		if slices.Sort(nets); !slices.Equal(on, nets) {
			r.Errorf("a task is on %v, want %v", on, nets)
		}
	}
	list, err := r.Engine.NetworkList(r.Context(), network.ListOptions{})
	r.must(err)
	for _, id := range nets {
		if !slices.ContainsFunc(list, func(n network.Summary) bool { return n.ID == id && n.Scope == "swarm" }) {
			r.Errorf("network %s is not listed", id)
		}
	}
}

func endsSlowly(r *run) {
	id, tasks := r.runs(r.spec(Slow, 2))
	began := time.Now()
	scale(r, id, 1)
	stopping := func() []api.Task {
		return where(r.tasks(id), func(t api.Task) bool {
			return t.DesiredState == api.TaskStateRemove && t.Status.State == api.TaskStateRunning
		})
	}
	r.await("a task runs that was told to end", func() bool { return len(stopping()) == 1 })
	if n := *r.listed(id, true).ServiceStatus; n.RunningTasks != 2 || n.DesiredTasks != 1 {
		r.Errorf("status %+v while a task ends", n)
	}
	if !slices.Contains(ids(tasks), stopping()[0].ID) {
		r.Errorf("another task ends")
	}
	r.await("it has ended", func() bool { return len(r.tasks(id)) == 1 })
	if took := time.Since(began); took < r.Stop {
		r.Errorf("a task that takes %s to end has ended after %s", r.Stop, took)
	}
}

func removed(r *run) {
	id, tasks := r.runs(r.spec(Slow, 1))
	r.must(r.Engine.ServiceRemove(r.Context(), id))
	_, _, err := r.Engine.ServiceInspectWithRaw(r.Context(), id, api.ServiceInspectOptions{})
	r.is("inspect", engine.NotFound, err)
	_, err = r.Engine.TaskList(r.Context(), api.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", id))})
	r.is("tasks of it", engine.NotFound, err)
	mine := func() []api.Task {
		list, err := r.Engine.TaskList(r.Context(), api.TaskListOptions{})
		r.must(err)
		return where(list, func(t api.Task) bool { return t.ID == tasks[0].ID })
	}
	if len(mine()) != 1 {
		r.Errorf("its task is gone before it has ended")
	}
	r.await("its task is told to end", func() bool {
		left := mine()
		return len(left) == 1 && left[0].DesiredState == api.TaskStateRemove && left[0].Status.State == api.TaskStateRunning
	})
	other := r.create(r.spec(Serves, 0)) // its name is free
	r.await("its task is gone", func() bool { return len(mine()) == 0 })
	if other == id {
		r.Errorf("a new service has the old id")
	}
}

func taskFilters(r *run) {
	s := r.spec(Serves, 1)
	s.TaskTemplate.ContainerSpec.Labels = map[string]string{"of": "container"}
	id, before := r.runs(s)
	r.update(id, func(s *api.ServiceSpec) {
		s.TaskTemplate.ContainerSpec.Env = append(s.TaskTemplate.ContainerSpec.Env, "RUN=2")
	})
	now := r.awaitRunning(id, 1)
	r.await("the old task has ended", func() bool { return len(r.tasks(id)) == 2 })
	for _, c := range []struct {
		pairs []string
		want  []string
	}{
		{[]string{"desired-state", "running"}, ids(now)},
		{[]string{"desired-state", "shutdown"}, ids(before)},
		{[]string{"_up-to-date", "true"}, ids(now)},
		{[]string{"id", before[0].ID}, ids(before)},
		{[]string{"node", now[0].NodeID, "desired-state", "running"}, ids(now)},
		{[]string{"label", "suite=" + r.name}, ids(append(now, before...))},
		{[]string{"label", "of=container"}, nil},
	} {
		if have := ids(r.tasks(id, c.pairs...)); !slices.Equal(have, c.want) {
			r.Errorf("%v: %v, want %v", c.pairs, have, c.want)
		}
	}
	if have := ids(r.tasks(r.name)); !slices.Equal(have, ids(append(now, before...))) {
		r.Errorf("by the service's name: %v", have)
	}
}
