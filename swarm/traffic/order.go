package traffic

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// orderStart is how long a control job may take until it runs, apart from the order itself.
const orderStart = 30 * time.Second

// Order sends a control job to the proxies and returns what they answered. progress is called with
// a sentence whenever what the order waits for changes; it may be nil.
func (sw *Switch) Order(ctx context.Context, rec *cluster.Record, proxies []cluster.ProxyTask, ord haproxy.Order, progress func(string)) (*Answer, error) {
	host, ok := jobHost(rec, proxies)
	if !ok {
		return nil, errors.New("no proxy runs on a node that is ready and active: see `docker service ps` of the proxy service")
	}
	for _, p := range proxies {
		ord.Proxies = append(ord.Proxies, haproxy.ProxyAddr{Service: p.Service, Addr: p.Addr})
	}
	here := Place{Image: host.Image, Network: cluster.ControlNetwork(rec.Stack),
		Placement: &api.Placement{Constraints: []string{"node.id==" + host.NodeID}}, Start: orderStart}
	return sw.Send(ctx, rec, here, ord, NewAnswer(proxies, progress))
}

// Place is where a control job runs.
type Place struct {
	Image, Network string
	Placement      *api.Placement
	// Start is how long it may take until the job runs.
	Start time.Duration
}

// Send runs a control job and returns what it printed. Nothing is left behind but after a crash.
func (sw *Switch) Send(ctx context.Context, rec *cluster.Record, at Place, ord haproxy.Order, a *Answer) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ord.Wait+at.Start, errors.New("the control job did not end in time"))
	defer cancel()
	spec, files := orderSpec(rec.Stack, at, ord)
	if err := sw.EnsureFiles(ctx, rec, files); err != nil {
		return nil, err
	}
	if err := rec.Resolve(&spec); err != nil {
		return nil, err
	}
	created, err := sw.Engine.ServiceCreate(ctx, spec, api.ServiceCreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create control job: %w", err)
	}
	defer func() {
		ctx, cancel := Detached(ctx)
		defer cancel()
		_ = sw.Engine.ServiceRemove(ctx, created.ID) // what is left is collected by the next command
	}()
	return sw.follow(ctx, rec, created.ID, a)
}

// follow reads the job's output until its last line, while it watches that the job can run at all.
func (sw *Switch) follow(ctx context.Context, rec *cluster.Record, id string, a *Answer) (*Answer, error) {
	defer a.progress.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := sw.jobFailure(ctx, rec, id); ctx.Err() == nil {
			cancel(err)
		}
	}()
	for {
		err := sw.readAnswer(ctx, id, a)
		var own *JobError
		switch {
		case err == nil:
			return a, nil
		case errors.As(err, &own):
			return nil, err
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		}
		// The log stream ended early, as when the manager lost the node for a moment: the lines are
		// still there.
		if !sw.Pause(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

func (sw *Switch) readAnswer(ctx context.Context, id string, a *Answer) error {
	logs, err := sw.Engine.ServiceLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return fmt.Errorf("read the control job's output: %w", err)
	}
	defer logs.Close()
	out, in := io.Pipe()
	defer out.Close()
	go func() {
		_, err := stdcopy.StdCopy(in, io.Discard, logs)
		in.CloseWithError(err)
	}()
	a.Report = haproxy.Report{} // the lines are read from the first
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if err := a.line(lines.Text()); err != nil || a.Done {
			return err
		}
	}
	return errors.Join(errors.New("the control job's output ended early"), lines.Err())
}

// jobFailure waits until the job cannot give an answer any more, and says why; or until ctx ends.
func (sw *Switch) jobFailure(ctx context.Context, rec *cluster.Record, id string) error {
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
			if i := slices.IndexFunc(nodes, func(n api.Node) bool { return n.ID == t.NodeID }); i >= 0 && nodes[i].Status.State != api.NodeStateReady {
				return fmt.Errorf("control job on %s: the node is %s", rec.NodeName(t.NodeID), nodes[i].Status.State)
			}
			switch t.Status.State {
			case api.TaskStateRejected, api.TaskStateFailed, api.TaskStateOrphaned:
				return &JobError{fmt.Sprintf("control job on %s: %s: %s", rec.NodeName(t.NodeID), t.Status.State, t.Status.Err)}
			}
		}
	}
	return context.Cause(ctx)
}

// JobError says that a control job could not run where it was sent, or what went wrong in it.
type JobError struct{ Text string }

func (e *JobError) Error() string { return e.Text }

// jobHost picks a proxy whose node can run the job: the image is there, and so is the control
// network.
func jobHost(rec *cluster.Record, proxies []cluster.ProxyTask) (cluster.ProxyTask, bool) {
	for _, p := range proxies {
		if p.Askable() && rec.Node(p.NodeID).Spec.Availability == api.NodeAvailabilityActive {
			return p, true
		}
	}
	return cluster.ProxyTask{}, false
}

func orderSpec(stack string, at Place, ord haproxy.Order) (api.ServiceSpec, map[string]string) {
	files := haproxy.OrderFiles()
	one := uint64(1)
	labels := map[string]string{cluster.LabelNamespace: cluster.Namespace(stack), cluster.LabelStack: stack, cluster.LabelRole: cluster.RoleOrder}
	return api.ServiceSpec{
		Annotations: api.Annotations{Name: cluster.Namespace(stack) + "_order-" + rand.Text()[:8], Labels: labels},
		Mode:        api.ServiceMode{ReplicatedJob: &api.ReplicatedJob{MaxConcurrent: &one, TotalCompletions: &one}},
		TaskTemplate: api.TaskSpec{
			ContainerSpec: &api.ContainerSpec{
				Image:       at.Image,
				Command:     haproxy.OrderCommand()[:1],
				Args:        haproxy.OrderCommand()[1:],
				Env:         []string{haproxy.OrderVariable + "=" + ord.Encode()},
				Configs:     plan.FileReferences(stack, files),
				Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
			},
			RestartPolicy: &api.RestartPolicy{Condition: api.RestartPolicyConditionNone},
			Placement:     at.Placement,
			Networks:      []api.NetworkAttachmentConfig{{Target: at.Network}},
			// The node's default driver may be one that cannot be read.
			LogDriver: &api.Driver{Name: "json-file"},
		},
	}, plan.ByName(stack, files)
}
