package cluster

import (
	"context"
	"errors"
	"testing"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// A color without tasks remembers what it comes back to; a global one has no number.
func TestStoppedAndStarted(t *testing.T) {
	spec := func(replicas *uint64, constraints ...string) api.ServiceSpec {
		s := api.ServiceSpec{Annotations: api.Annotations{Labels: map[string]string{LabelReplicas: "4"}}}
		if replicas != nil {
			s.Mode.Replicated = &api.ReplicatedService{Replicas: replicas}
		} else {
			s.Mode.Global = &api.GlobalService{}
		}
		if constraints != nil {
			s.TaskTemplate.Placement = &api.Placement{Constraints: constraints}
		}
		return s
	}
	noNumber := spec(nil)
	noNumber.Mode = api.ServiceMode{Replicated: &api.ReplicatedService{}}
	for _, tc := range []struct {
		name string
		spec api.ServiceSpec
		back uint64 // 0 for a global one
	}{
		{"three", spec(new(uint64(3))), 3},
		{"one by default", noNumber, 1},
		{"scaled to 0 by hand: what the file says", spec(new(uint64(0))), 4},
		{"global", spec(nil), 0},
		{"global with constraints", spec(nil, "node.role==worker"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := MustJSON(tc.spec)
			stopped := Stopped(tc.spec)
			again := Stopped(stopped)
			if !IsStopped(stopped) || string(MustJSON(again)) != string(MustJSON(stopped)) {
				t.Errorf("stopped it is %+v, stopped again %+v", stopped, again)
			}
			if string(MustJSON(tc.spec)) != string(before) {
				t.Error("the spec that was given is another")
			}
			started := Started(stopped)
			if IsStopped(started) || started.Labels[LabelCold] != "" {
				t.Errorf("started it is %+v", started)
			}
			if n := Replicas(started); n != nil && *n != tc.back || n == nil && tc.back != 0 {
				t.Errorf("it comes back with %v, want %d", n, tc.back)
			}
			if p := started.TaskTemplate.Placement; p != nil && tc.spec.TaskTemplate.Placement != nil && len(p.Constraints) != 1 {
				t.Errorf("its constraints are %v", p.Constraints)
			}
		})
	}
}

// written is an engine with one service, that notes the numbers of replicas that are written.
type written struct {
	engine.API
	tasks   []api.Task
	svc     *api.Service
	numbers []uint64
	refuse  error
	// refuseAfter is after how many writes all are refused, 0 for never.
	refuseAfter int
}

func (w *written) TaskList(context.Context, api.TaskListOptions) ([]api.Task, error) {
	return w.tasks, nil
}

func (w *written) ServiceUpdate(_ context.Context, _ string, _ api.Version, spec api.ServiceSpec, _ api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	if w.refuse != nil {
		return api.ServiceUpdateResponse{}, w.refuse
	}
	w.svc.Spec = spec
	w.numbers = append(w.numbers, *Replicas(spec))
	if len(w.numbers) == w.refuseAfter {
		w.refuse = errors.New("refused")
	}
	return api.ServiceUpdateResponse{}, nil
}

func (w *written) ServiceInspectWithRaw(context.Context, string, api.ServiceInspectOptions) (api.Service, []byte, error) {
	return *w.svc, nil, nil
}

// Slots whose task waits for a node get a new one, and no other; with none running nobody could
// tell which would be taken.
func TestUnstick(t *testing.T) {
	pending := api.Task{ServiceID: "s", DesiredState: api.TaskStateRunning, Status: api.TaskStatus{State: api.TaskStatePending}}
	runs := api.Task{ServiceID: "s", NodeID: "1", DesiredState: api.TaskStateRunning, Status: api.TaskStatus{State: api.TaskStateRunning}}
	gone := pending
	gone.DesiredState = api.TaskStateShutdown
	for _, tc := range []struct {
		name  string
		tasks []api.Task
		want  []uint64
	}{
		{"all run", []api.Task{runs, runs, runs}, nil},
		{"one waits", []api.Task{runs, pending, runs}, []uint64{2, 3}},
		{"two wait", []api.Task{runs, pending, pending}, []uint64{1, 3}},
		{"all wait", []api.Task{pending, pending, pending}, nil},
		{"one that is not wanted waits", []api.Task{runs, runs, runs, gone}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			e := &written{tasks: tc.tasks, svc: replicated(3)}
			svc, err := New(e, "shop", nil).Unstick(t.Context(), replicated(3))
			if err != nil || *Replicas(svc.Spec) != 3 || len(e.numbers) != len(tc.want) {
				t.Fatalf("wrote %v, error %v; want %v", e.numbers, err, tc.want)
			}
			if label, ok := svc.Spec.Labels[LabelReduced]; ok {
				t.Errorf("the label stays: %s", label)
			}
			for i, n := range tc.want {
				if e.numbers[i] != n {
					t.Errorf("wrote %v, want %v", e.numbers, tc.want)
				}
			}
		})
	}
	t.Run("refused", func(t *testing.T) {
		e := &written{tasks: []api.Task{runs, pending, runs}, svc: replicated(3), refuse: errors.New("refused")}
		_, err := New(e, "shop", nil).Unstick(t.Context(), replicated(3))
		if want := "update service shop_web-green: refused"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
	t.Run("ended between", func(t *testing.T) {
		e := &written{tasks: []api.Task{runs, pending, runs}, svc: replicated(3), refuseAfter: 1}
		if _, err := New(e, "shop", nil).Unstick(t.Context(), replicated(3)); err == nil {
			t.Error("no error")
		}
		if got := e.svc.Spec.Labels[LabelReduced]; got != "2 of 3" || *Replicas(e.svc.Spec) != 2 {
			t.Errorf("label %q, %d replicas", got, *Replicas(e.svc.Spec))
		}
		e.refuse, e.refuseAfter = nil, 0
		svc, err := New(e, "shop", nil).Replenish(t.Context(), e.svc)
		if err != nil || *Replicas(svc.Spec) != 3 || svc.Spec.Labels[LabelReduced] != "" {
			t.Errorf("%+v, error %v", svc, err)
		}
	})
	t.Run("global", func(t *testing.T) {
		svc := &api.Service{}
		svc.Spec.Mode.Global = &api.GlobalService{}
		if got, err := New(&written{}, "shop", nil).Unstick(t.Context(), svc); err != nil || got != svc {
			t.Errorf("%v, error %v", got, err)
		}
	})
}

// A write that another writer came before is tried again on what that one wrote, and not for ever.
func TestRewriteAfterAnotherWriter(t *testing.T) {
	outdated := errors.New("rpc error: code = Unknown desc = update out of sequence")
	for _, tc := range []struct {
		name   string
		fails  int
		refuse error
		want   string
		tries  int
	}{
		{"at once", 0, nil, "", 1},
		{"three others were faster", 3, nil, "", 4},
		{"others are always faster", 100, nil, "update service shop_web-green: rpc error: code = Unknown desc = update out of sequence", maxConflicts + 1},
		{"the change refuses", 0, errors.New("not any more"), "not any more", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tries := 0
			e := &written{svc: replicated(3)}
			again := conflicting{e, func() error {
				if tries++; tries <= tc.fails {
					return outdated
				}
				return nil
			}}
			_, err := New(again, "shop", nil).Rewrite(t.Context(), replicated(3), func(*api.ServiceSpec) error { return tc.refuse })
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || tries != tc.tries {
				t.Errorf("error %q after %d tries, want %q after %d", got, tries, tc.want, tc.tries)
			}
		})
	}
}

type conflicting struct {
	*written
	before func() error
}

func (c conflicting) ServiceUpdate(ctx context.Context, id string, v api.Version, spec api.ServiceSpec, o api.ServiceUpdateOptions) (api.ServiceUpdateResponse, error) {
	if err := c.before(); err != nil {
		return api.ServiceUpdateResponse{}, err
	}
	return c.written.ServiceUpdate(ctx, id, v, spec, o)
}

// How many failures of one slot end a wait.
func TestAllowedFailures(t *testing.T) {
	failed, ended := []api.Task{{Status: api.TaskStatus{State: api.TaskStateFailed}}}, []api.Task{{Status: api.TaskStatus{State: api.TaskStateComplete}}}
	for _, tc := range []struct {
		name   string
		policy *api.RestartPolicy
		tasks  []api.Task
		want   int
	}{
		{"no policy", nil, failed, 3},
		{"any", &api.RestartPolicy{Condition: api.RestartPolicyConditionAny}, failed, 3},
		{"none", &api.RestartPolicy{Condition: api.RestartPolicyConditionNone}, failed, 1},
		{"on failure, and it ended by itself", &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure}, ended, 1},
		{"on failure", &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure}, failed, 3},
		{"one attempt", &api.RestartPolicy{MaxAttempts: new(uint64(1))}, failed, 2},
		{"many attempts", &api.RestartPolicy{MaxAttempts: new(uint64(9))}, failed, 3},
		{"0 attempts are no bound", &api.RestartPolicy{MaxAttempts: new(uint64(0))}, failed, 3},
	} {
		if got := allowed(tc.policy, tc.tasks); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// What is known of a task that failed, as a user reads it.
func TestTextsOfFailures(t *testing.T) {
	s := NewSnapshot("shop")
	n := api.Node{}
	n.Description.Hostname = "n1"
	s.Nodes["1"] = n
	cl := New(&clustertest.Engine{}, "shop", nil)
	for _, tc := range []struct {
		name string
		task api.Task
		want string
	}{
		{"no image", api.Task{Slot: 1, NodeID: "1", Status: api.TaskStatus{State: api.TaskStateRejected, Err: "No such image: shop/web:9"}},
			"  shop_web-green.1 on n1: rejected: No such image: shop/web:9; the node could not pull it: check that it can reach the registry. " +
				"If the registry needs a login, run `docker login` and `docker bluegreen up --with-registry-auth`"},
		{"no node", api.Task{Slot: 2, Status: api.TaskStatus{State: api.TaskStatePending, Message: "pending task scheduling"}},
			"  shop_web-green.2: pending: pending task scheduling"},
		{"not healthy yet", api.Task{Slot: 1, NodeID: "1", Status: api.TaskStatus{State: api.TaskStateStarting}},
			"  shop_web-green.1 on n1: starting: its container runs, but its healthcheck has not passed"},
		{"ended", api.Task{NodeID: "1", Status: api.TaskStatus{State: api.TaskStateComplete, ContainerStatus: &api.ContainerStatus{ContainerID: "c"}}},
			"  shop_web-green.n1 on n1: complete (exit code 0): its container ended, by itself or because its healthcheck failed\n    | oops"},
		{"on a node that is gone", api.Task{Slot: 1, NodeID: "2", Status: api.TaskStatus{State: api.TaskStateOrphaned, Err: "node is gone"}},
			"  shop_web-green.1 on 2: orphaned: node is gone"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := cl.failure(t.Context(), NewRecord(s), "shop_web-green", tc.task).String(); got != tc.want {
				t.Errorf("%s\nwant\n%s", got, tc.want)
			}
		})
	}
}
