package traffic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// errLate says that a control job takes too long.
var errLate = errors.New("the control job did not end in time: run the command again")

// JobError says that a control job could not run where it was sent, or what went wrong in it.
type JobError struct {
	Text string
	// Elsewhere says that the node may be the cause: another may run the job.
	Elsewhere bool
}

func (e *JobError) Error() string { return e.Text }

// limits are how long a job may stand still: until it runs, and while it runs and prints nothing
// new. A slow node is given time as long as there is progress.
type limits struct{ start, silent time.Duration }

// heard is when a job printed something new last.
type heard struct {
	mu   sync.Mutex
	most int // lines
	last time.Time
}

// line notes the nth line. They are read from the first again after the stream ended early.
func (h *heard) line(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n > h.most {
		h.most, h.last = n, time.Now()
	}
}

func (h *heard) at() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// jobFailure waits until the job cannot give an answer any more, and says why; or until ctx ends.
// printed is when it printed something new last.
func (sw *Switch) jobFailure(ctx context.Context, rec *cluster.Record, id string, most limits, printed func() time.Time) error {
	state, since, node := api.TaskStateNew, time.Now(), ""
	for sw.Rest(ctx) {
		tasks, err := sw.Next().Tasks(ctx, id)
		if err != nil {
			return err
		}
		nodes, err := sw.Next().Nodes(ctx)
		if err != nil {
			return err
		}
		for _, t := range tasks[id] {
			if i := slices.IndexFunc(nodes, func(n api.Node) bool { return n.ID == t.NodeID }); i >= 0 && !cluster.IsUp(nodes[i]) {
				return fmt.Errorf("control job on %s: the node is %s", rec.NodeName(t.NodeID), nodes[i].Status.State)
			}
			switch t.Status.State {
			case api.TaskStateRejected, api.TaskStateFailed, api.TaskStateOrphaned:
				return &JobError{fmt.Sprintf("control job on %s: %s: %s", rec.NodeName(t.NodeID), t.Status.State, t.Status.Err), true}
			}
			if cluster.StateRank(t.Status.State) > cluster.StateRank(state) {
				state, since = t.Status.State, time.Now()
			}
			if t.NodeID != "" {
				node = " on " + rec.NodeName(t.NodeID)
			}
		}
		if last := printed(); last.After(since) {
			since = last
		}
		still := time.Since(since)
		switch started := cluster.StateRank(state) >= cluster.StateRank(api.TaskStateRunning); {
		case started && still > most.silent: // its node may hang, or its output come late
			return &JobError{errLate.Error(), true}
		case !started && still > most.start:
			return &JobError{fmt.Sprintf("control job%s: it did not start: it has been %s for %s", node, state, most.start), true}
		}
	}
	return context.Cause(ctx)
}

// jobHosts are proxies on nodes that can run a job, one for each node, those that stay first: the
// image is there, and so is the control network.
func jobHosts(rec *cluster.Record, proxies []cluster.ProxyTask) []cluster.ProxyTask {
	var stay, others []cluster.ProxyTask
	for _, p := range proxies {
		known := func(other cluster.ProxyTask) bool { return other.NodeID == p.NodeID }
		switch {
		case !p.Askable() || rec.Node(p.NodeID).Spec.Availability != api.NodeAvailabilityActive:
		case p.State == api.TaskStateRunning && !p.Stopping && !slices.ContainsFunc(stay, known):
			stay = append(stay, p)
		case !slices.ContainsFunc(others, known):
			others = append(others, p)
		}
	}
	return append(stay, slices.DeleteFunc(others, func(p cluster.ProxyTask) bool {
		return slices.ContainsFunc(stay, func(other cluster.ProxyTask) bool { return other.NodeID == p.NodeID })
	})...)
}
