//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"
)

// updated is a plain service that Swarm updates task by task.
const updated = `
services:
  api:
    image: app:${V:-v1}
    environment: {APP_STOP_DELAY: 0s}
    deploy:
      replicas: 2
      endpoint_mode: dnsrr
      restart_policy: {delay: 100ms}
      update_config: {monitor: 2s, failure_action: ACTION}
      rollback_config: {monitor: 2s}
`

// updateState is how far the last update of a service has come, empty without one.
func (s *stack) updateState(name string) swarm.UpdateState {
	s.t.Helper()
	if st := s.service(name).UpdateStatus; st != nil {
		return st.State
	}
	return ""
}

// runs says whether all tasks of a service run an image.
func (s *stack) runs(name, image string) bool {
	s.t.Helper()
	tasks := s.tasks(name)
	return len(tasks) == 2 && !slices.ContainsFunc(tasks, func(t swarm.Task) bool {
		return t.Status.State != swarm.TaskStateRunning || !strings.HasPrefix(t.Spec.ContainerSpec.Image, image)
	})
}

// With failure_action: rollback, Swarm puts the earlier version back, and up says so: it fails.
func TestUpdateRolledBack(t *testing.T) {
	long(t)
	t.Parallel()
	// A failure that the manager hears of after the monitor does not count, and a machine may be
	// slow.
	s := newStack(t, strings.NewReplacer("ACTION", "rollback", "update_config: {monitor: 2s", "update_config: {monitor: 20s").Replace(updated))
	s.up("v1")
	r := s.exits(s.runEnv([]string{"V=v2-exit"}, "up"), 3)
	s.says(r, "service api", "to its earlier version", "exit code 3", "run `docker bluegreen up` again")
	s.eventually("the rollback has ended", func() bool { return s.updateState("api") == swarm.UpdateStateRollbackCompleted })
	s.eventually("the earlier version runs", func() bool { return s.runs("api", "app:v1") })
	s.says(s.up("v1"), "nothing to do")
	s.up("v3")
	if !s.runs("api", "app:v3") {
		t.Error("the tasks do not run v3")
	}
	s.says(s.up("v3"), "nothing to do")
}

// A version that fails leaves the update paused, and one of the two tasks as it was. Once what it
// lacked is there, here its image, the next up goes on with the update, though the file is the
// same.
func TestUpdatePaused(t *testing.T) {
	t.Parallel()
	const late = "late-to-come"
	s := newStack(t, strings.Replace(updated, "ACTION", "pause", 1))
	s.up("v1")
	before := s.taskIDs("api")
	s.says(s.exits(s.runEnv([]string{"V=" + late}, "up"), 3), "service api", "rejected", "app:"+late)
	if st := s.updateState("api"); st != swarm.UpdateStatePaused {
		t.Errorf("the update is %q, want it paused", st)
	}
	if left := s.taskIDs("api"); !slices.ContainsFunc(left, func(id string) bool { return slices.Contains(before, id) }) {
		t.Errorf("no task of before runs: %v, before %v", left, before)
	}
	for _, node := range []string{"n2", "n3"} {
		s.dockerOn(node, "tag", "app:v2", "app:"+late)
	}
	s.says(s.up(late), "update paused")
	if !s.runs("api", "app:"+late) {
		t.Error("tasks of before run")
	}
	s.says(s.up(late), "nothing to do")
}
