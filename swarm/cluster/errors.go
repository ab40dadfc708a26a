package cluster

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNothingDeployed is returned when the swarm holds nothing of the stack.
var ErrNothingDeployed = errors.New("nothing is deployed")

// UnhealthyError says that a new version did not become healthy. Traffic was not touched.
type UnhealthyError struct {
	// Service is the compose service, Color the color that failed; Color is empty for a plain
	// service.
	Service, Color string
	// Test is the job that the color failed, empty if none ran; Verified says that it had the traffic
	// then.
	Test     string
	Verified bool
	// Tripped says that its guard has taken the traffic back.
	Tripped bool
	// Cause is one sentence.
	Cause string
	// Tasks are the tasks that failed, newest first; may be empty.
	Tasks []TaskFailure
	// After says what was done about it, for example "green holds release 3 again".
	After string
}

// TaskFailure is what is known of one failed task.
type TaskFailure struct {
	// Task names the task as docker does, for example shop_web-green.1.
	Task string
	// Node is the host name of the node, empty when the task was never assigned.
	Node string
	// State is the state of the task, for example rejected.
	State string
	// ExitCode is nil when the container never ran.
	ExitCode *int
	// Err is the task's error in full.
	Err string
	// Log are the last lines that the task printed, at most 10.
	Log []string
}

func (e *UnhealthyError) Error() string {
	var b strings.Builder
	what := "service " + e.Service
	if e.Color != "" {
		what += " (" + e.Color + ")"
	}
	verb := "did not become healthy"
	switch {
	case e.Tripped:
		verb = "lost its traffic again, its guard took it back"
	case e.Verified:
		verb = "had the traffic and failed its test " + e.Test
	case e.Test != "":
		verb = "failed its test " + e.Test
	}
	fmt.Fprintf(&b, "%s %s: %s", what, verb, e.Cause)
	for i := 0; i < len(e.Tasks); {
		text, n := e.Tasks[i].String(), 1
		for i+n < len(e.Tasks) && e.Tasks[i+n].String() == text {
			n++
		}
		if n > 1 { // one slot failed in the same way each time
			first, log, _ := strings.Cut(text, "\n")
			text = strings.TrimRight(fmt.Sprintf("%s (%d times)\n%s", first, n, log), "\n")
		}
		b.WriteString("\n" + text)
		i += n
	}
	if e.After != "" {
		b.WriteString("\n" + e.After)
	}
	return b.String()
}

// String tells the failure in one line, and one more for each line of the task's log.
func (t TaskFailure) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  %s", t.Task)
	if t.Node != "" {
		fmt.Fprintf(&b, " on %s", t.Node)
	}
	fmt.Fprintf(&b, ": %s", t.State)
	if t.ExitCode != nil {
		fmt.Fprintf(&b, " (exit code %d)", *t.ExitCode)
	}
	if t.Err != "" {
		fmt.Fprintf(&b, ": %s", t.Err)
	}
	for _, l := range t.Log {
		fmt.Fprintf(&b, "\n    | %s", l)
	}
	return b.String()
}

// UnconfirmedError says that a route was given but that not every proxy has confirmed it.
type UnconfirmedError struct {
	// Service is the compose service.
	Service string
	// Proxies say of each proxy that has not confirmed which node it is on, and why.
	Proxies []string
	// After says what was left, and the way out.
	After string
	// Unhealthy says that all proxies have the route, and so will those that start; but none is
	// healthy, as when somebody removed the color.
	Unhealthy bool
}

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("service %s: not all proxies confirmed: %s\n%s", e.Service, strings.Join(e.Proxies, "; "), e.After)
}

// InterruptedError says that the command was interrupted, and what it left behind.
type InterruptedError struct {
	// Left says what is left behind and how to go on.
	Left string
}

func (e *InterruptedError) Error() string { return "interrupted: " + e.Left }

// ErrLockLost says that another command has taken the lock of the stack over.
var ErrLockLost = errors.New("another command took the lock of the stack over, because this one stood still for too long: run this command again")
