package cluster

import "testing"

// A slot that fails in the same way each time is told once.
func TestUnhealthyTellsEqualFailuresOnce(t *testing.T) {
	code := 3
	failed := func(task, log string) TaskFailure {
		return TaskFailure{Task: task, Node: "n1", State: "failed", ExitCode: &code, Err: "task: non-zero exit (3)", Log: []string{log}}
	}
	e := &UnhealthyError{Service: "web", Color: "green", Cause: "4 tasks of one slot failed", After: "traffic was not touched",
		Tasks: []TaskFailure{failed("shop_web-green.1", "panic"), failed("shop_web-green.1", "panic"), failed("shop_web-green.1", "killed"), {Task: "shop_web-green.2", State: "rejected"}}}
	want := `service web (green) did not become healthy: 4 tasks of one slot failed
  shop_web-green.1 on n1: failed (exit code 3): task: non-zero exit (3) (2 times)
    | panic
  shop_web-green.1 on n1: failed (exit code 3): task: non-zero exit (3)
    | killed
  shop_web-green.2: rejected
traffic was not touched`
	if got := e.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
