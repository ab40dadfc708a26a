package cluster

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster/clustertest"
)

func replicated(n uint64) *api.Service {
	svc := &api.Service{ID: "s"}
	svc.Spec.Name = "shop_web-green"
	svc.Spec.Mode.Replicated = &api.ReplicatedService{Replicas: &n}
	return svc
}

func task(slot int, state api.TaskState, made time.Time) api.Task {
	t := api.Task{ID: made.String() + string(state), ServiceID: "s", Slot: slot, NodeID: "1", DesiredState: api.TaskStateRunning}
	t.CreatedAt = made
	t.Status.State = state
	if StateRank(state) > StateRank(api.TaskStateRunning) {
		t.DesiredState = api.TaskStateShutdown
		t.Status.Err = "task: non-zero exit (3)"
		t.Status.ContainerStatus = &api.ContainerStatus{ContainerID: "c", ExitCode: 3}
	}
	return t
}

func awaitTasks(t *testing.T, tasks func() []api.Task, svc *api.Service, timeout time.Duration) ([]api.Task, error) {
	t.Helper()
	o := New(&clustertest.Engine{Tasks: tasks}, "shop", nil)
	return o.Await(t.Context(), NewRecord(NewSnapshot("shop")), Waiting{Service: "web", Color: Green, Step: "color green", Svc: svc, Timeout: timeout})
}

func TestAwaitReturnsWhenAllRun(t *testing.T) {
	now, looks := time.Now(), 0
	got, err := awaitTasks(t, func() []api.Task {
		looks++
		second := api.TaskStateStarting
		if looks > 1 {
			second = api.TaskStateRunning
		}
		return []api.Task{task(1, api.TaskStateRunning, now), task(2, second, now), task(2, api.TaskStateFailed, now)}
	}, replicated(2), time.Minute)
	if err != nil || len(got) != 2 || looks != 2 {
		t.Errorf("%d tasks after %d looks, error %v; want 2 after 2", len(got), looks, err)
	}
}

func TestThreeFailuresOfASlotEndTheWait(t *testing.T) {
	now := time.Now()
	_, err := awaitTasks(t, func() []api.Task {
		return []api.Task{task(1, api.TaskStateRunning, now), task(2, api.TaskStateFailed, now.Add(1)),
			task(2, api.TaskStateRejected, now.Add(2)), task(2, api.TaskStateFailed, now.Add(3)), task(2, api.TaskStateStarting, now.Add(4))}
	}, replicated(2), time.Minute)
	want := `service web (green) did not become healthy: 3 tasks of one slot failed
  shop_web-green.2 on 1: failed (exit code 3): task: non-zero exit (3)
    | oops
  shop_web-green.2 on 1: rejected (exit code 3): task: non-zero exit (3)
    | oops
  shop_web-green.2 on 1: failed (exit code 3): task: non-zero exit (3)
    | oops`
	var u *UnhealthyError
	if !errors.As(err, &u) || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
}

// Failures of before the service was last written are not this release's.
func TestOldFailuresDoNotCount(t *testing.T) {
	svc := replicated(1)
	svc.UpdatedAt = time.Now()
	old := svc.UpdatedAt.Add(-time.Minute)
	tasks := []api.Task{task(1, api.TaskStateFailed, old), task(1, api.TaskStateFailed, old.Add(1)), task(1, api.TaskStateFailed, old.Add(2))}
	if f := Failures(svc, tasks); f != nil {
		t.Errorf("%d failures", len(f))
	}
}

// A node rejects tasks while it still has a network with the same addresses. That passes, or else
// it is a failure after half a minute.
func TestNetworkThatHasNotGoneYet(t *testing.T) {
	const overlaps = "invalid pool request: Pool overlaps with other one on this address space"
	for _, c := range []struct {
		name   string
		err    string
		after  time.Duration // the service was updated
		policy *api.RestartPolicy
		want   int
	}{
		{"at first", overlaps, time.Second, nil, 0},
		{"for long", overlaps, time.Minute, nil, 3},
		{"of another cause", "No such image: web:2", time.Second, nil, 3},
		{"with no other task to come", overlaps, time.Second, &api.RestartPolicy{MaxAttempts: new(uint64(2))}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			svc := replicated(1)
			svc.UpdatedAt = time.Now()
			svc.Spec.TaskTemplate.RestartPolicy = c.policy
			var tasks []api.Task
			for n := range 3 {
				rejected := task(1, api.TaskStateRejected, svc.UpdatedAt.Add(c.after+time.Duration(n)))
				rejected.Status.Err = c.err
				tasks = append(tasks, rejected)
			}
			if got := Failures(svc, tasks); len(got) != c.want {
				t.Errorf("%d failures end the wait, want %d", len(got), c.want)
			}
		})
	}
}

// A task in the place of a failed one begins again: that is no progress, and the wait ends.
func TestFailureIsNoProgress(t *testing.T) {
	now, looks := time.Now(), 0
	_, err := awaitTasks(t, func() []api.Task {
		looks++
		states := []api.TaskState{api.TaskStateStarting, api.TaskStatePreparing}
		return []api.Task{task(1, states[looks%2], now.Add(time.Duration(looks)))}
	}, replicated(1), 400*time.Millisecond)
	var u *UnhealthyError
	if !errors.As(err, &u) || u.Cause != "no progress for 400ms: 0 of 1 tasks are ready" {
		t.Errorf("error %v", err)
	}
}

func TestRestartPolicyThatMakesNoMoreTasks(t *testing.T) {
	svc := replicated(1)
	for _, tc := range []struct {
		name   string
		policy *api.RestartPolicy
		state  api.TaskState
		want   int
	}{
		{"none", nil, api.TaskStateFailed, 0},
		{"never", &api.RestartPolicy{Condition: api.RestartPolicyConditionNone}, api.TaskStateFailed, 1},
		{"on failure, and it completed", &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure}, api.TaskStateComplete, 1},
		{"on failure, and it failed", &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure}, api.TaskStateFailed, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			svc.Spec.TaskTemplate.RestartPolicy = tc.policy
			if got := Failures(svc, []api.Task{task(1, tc.state, time.Now())}); len(got) != tc.want {
				t.Errorf("%d failures end the wait, want %d", len(got), tc.want)
			}
		})
	}
}

// With on-failure the newest task decides: after one that completed there is no other.
func TestCompletedAfterAFailure(t *testing.T) {
	svc, now := replicated(1), time.Now()
	svc.Spec.TaskTemplate.RestartPolicy = &api.RestartPolicy{Condition: api.RestartPolicyConditionOnFailure}
	failed, completed := task(1, api.TaskStateFailed, now), task(1, api.TaskStateComplete, now.Add(time.Second))
	for _, tasks := range [][]api.Task{{failed, completed}, {completed, failed}} {
		if got := Failures(svc, tasks); len(got) != 2 {
			t.Errorf("%d failures end the wait, want 2", len(got))
		}
	}
}

// A log that was not reached is asked for again, and one that came empty once more; a task that
// prints nothing is believed.
func TestLastLinesAreAskedForAgain(t *testing.T) {
	const unreached, oops = "\x03\x00\x00\x00\x00\x00\x00\x16node n3 does not answer", "\x01\x00\x00\x00\x00\x00\x00\x05oops\n"
	for _, c := range []struct {
		name    string
		answers []string
		want    []string
		asked   int
		after   time.Duration
	}{
		{"an answer", []string{oops}, []string{"oops"}, 1, 0},
		{"a log that is not reached", []string{unreached, unreached, unreached, oops}, []string{"oops"}, 4, 3 * logRetry},
		{"a log that comes empty", []string{"", oops}, []string{"oops"}, 2, logRetry},
		{"a task that prints nothing", []string{"", ""}, nil, 2, logRetry},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began, asked := time.Now(), 0
				o := New(&clustertest.Engine{Logs: func() string { asked++; return c.answers[asked-1] }}, "shop", nil)
				got := o.lastLines(t.Context(), "t")
				if !slices.Equal(got, c.want) || asked != c.asked || time.Since(began) != c.after {
					t.Errorf("got %q after %d asks and %s, want %q after %d and %s", got, asked, time.Since(began), c.want, c.asked, c.after)
				}
			})
		})
	}
}

func TestLastLinesEndWithTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		o := New(&clustertest.Engine{Logs: func() string { return "\x03\x00\x00\x00\x00\x00\x00\x01x" }}, "shop", nil)
		if got := o.lastLines(t.Context(), "t"); got != nil || time.Since(began) != logTimeout {
			t.Errorf("got %q after %s", got, time.Since(began))
		}
	})
}
