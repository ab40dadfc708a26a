package cluster

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"
)

const (
	logLines   = 10
	logTimeout = 5 * time.Second
	logRetry   = 300 * time.Millisecond
)

// Unhealthy makes the error for tasks that did not become ready: with all that is known of each.
func (cl *Cluster) Unhealthy(ctx context.Context, rec *Record, w Waiting, cause string, tasks []api.Task) error {
	cl.Event(Failed, w.Service, w.Step, "%s", cause)
	e := &UnhealthyError{Service: w.Service, Color: string(w.Color), Cause: cause}
	for _, t := range tasks {
		e.Tasks = append(e.Tasks, cl.failure(ctx, rec, w.Svc.Spec.Name, t))
	}
	return e
}

func (cl *Cluster) failure(ctx context.Context, rec *Record, service string, t api.Task) TaskFailure {
	f := TaskFailure{Task: rec.TaskName(t, service), State: string(t.Status.State), Err: ErrorOf(t)}
	if t.NodeID != "" {
		f.Node = rec.NodeName(t.NodeID)
	}
	switch t.Status.State {
	case api.TaskStateStarting:
		f.Err = "its container runs, but its healthcheck has not passed"
	case api.TaskStateComplete:
		// Swarm calls an unhealthy container complete when it ends with 0 on SIGTERM.
		f.Err = "its container ended, by itself or because its healthcheck failed"
	}
	if c := t.Status.ContainerStatus; c != nil && c.ContainerID != "" {
		if Ended(t) {
			f.ExitCode = &c.ExitCode
		}
		f.Log = cl.lastLines(ctx, t.ID)
	}
	return f
}

// ErrorOf is why a task does not run, in the words of its node.
func ErrorOf(t api.Task) string {
	text := cmp.Or(t.Status.Err, t.Status.Message)
	if strings.Contains(text, "No such image") || strings.Contains(text, "failed to resolve reference") { // engines up to 28, and with containerd's images
		text += "; the node could not pull it: check that it can reach the registry. If the registry needs a login, run `docker login` and `docker bluegreen up --with-registry-auth`"
	}
	return text
}

// lastLines returns what the task printed last. It asks again when the swarm did not reach the
// task's node, and once more when nothing came, since a busy node has answered so. It returns
// nothing when logTimeout is over: the error matters more.
func (cl *Cluster) lastLines(ctx context.Context, taskID string) []string {
	ctx, cancel := context.WithTimeout(ctx, logTimeout)
	defer cancel()
	for try := 1; ; try++ {
		lines, err := cl.readLog(ctx, taskID)
		if len(lines) > 0 || err == nil && try > 1 {
			return lines
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(logRetry):
		}
	}
}

// readLog reads the end of a task's log. A stream that breaks off has still given its lines. The
// engine puts its own errors into the stream, such as that a node does not answer.
func (cl *Cluster) readLog(ctx context.Context, taskID string) ([]string, error) {
	logs, err := cl.Engine.TaskLogs(ctx, taskID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: strconv.Itoa(logLines)})
	if err != nil {
		return nil, err
	}
	defer logs.Close()
	var b bytes.Buffer
	_, err = stdcopy.StdCopy(&b, &b, logs)
	var lines []string
	for sc := bufio.NewScanner(&b); sc.Scan(); {
		lines = append(lines, strings.TrimRight(sc.Text(), " \r"))
	}
	return lines[max(0, len(lines)-logLines):], err
}
