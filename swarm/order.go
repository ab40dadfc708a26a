package swarm

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

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// orderStart is how long a control job may take until it runs, apart from the order itself.
const orderStart = 30 * time.Second

// order sends a control job to the proxies and returns what they answered. progress is called with a sentence
// whenever what the order waits for changes; it may be nil.
func (o *Switch) order(ctx context.Context, s *Observed, proxies []proxyTask, ord haproxy.Order, progress func(string)) (*answer, error) {
	host, ok := jobHost(s, proxies)
	if !ok {
		return nil, errors.New("no proxy runs on a node that is ready and active: see `docker service ps` of the proxy service")
	}
	for _, p := range proxies {
		ord.Proxies = append(ord.Proxies, haproxy.ProxyAddr{Service: p.Service, Addr: p.Addr})
	}
	here := place{Image: host.Image, Network: controlNetwork(s.Stack),
		Placement: &api.Placement{Constraints: []string{"node.id==" + host.NodeID}}, Start: orderStart}
	return o.send(ctx, s, here, ord, newAnswer(proxies, progress))
}

// place is where a control job runs.
type place struct {
	Image, Network string
	Placement      *api.Placement
	// Start is how long it may take until the job runs.
	Start time.Duration
}

// send runs a control job and returns what it printed. Nothing is left behind but after a crash.
func (o *Switch) send(ctx context.Context, s *Observed, at place, ord haproxy.Order, a *answer) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ord.Wait+at.Start, errors.New("the control job did not end in time"))
	defer cancel()
	spec, files := orderSpec(s.Stack, at, ord)
	if err := o.ensureFiles(ctx, s, files); err != nil {
		return nil, err
	}
	if err := s.resolve(&spec); err != nil {
		return nil, err
	}
	created, err := o.engine.ServiceCreate(ctx, spec, api.ServiceCreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("create control job: %w", err)
	}
	defer func() {
		ctx, cancel := detached(ctx)
		defer cancel()
		_ = o.engine.ServiceRemove(ctx, created.ID) // what is left is collected by the next command
	}()
	return o.follow(ctx, s, created.ID, a)
}

// follow reads the job's output until its last line, while it watches that the job can run at all.
func (o *Switch) follow(ctx context.Context, s *Observed, id string, a *answer) (*answer, error) {
	defer a.progress.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := o.jobFailure(ctx, s, id); err != nil {
			cancel(err)
		}
	}()
	for {
		err := o.readAnswer(ctx, id, a)
		if err == nil {
			return a, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		// The log stream ended early, as when the manager lost the node for a moment: the lines are still there.
		if !o.pause(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

func (o *Switch) readAnswer(ctx context.Context, id string, a *answer) error {
	logs, err := o.engine.ServiceLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
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

// jobFailure waits until the job cannot give an answer any more, and says why; nil when ctx ended first.
func (o *Switch) jobFailure(ctx context.Context, s *Observed, id string) error {
	for {
		tasks, err := o.tasks(ctx, id)
		if err != nil {
			return err
		}
		nodes, err := o.engine.NodeList(ctx, api.NodeListOptions{})
		if err != nil {
			return managerError(err)
		}
		for _, t := range tasks[id] {
			if i := slices.IndexFunc(nodes, func(n api.Node) bool { return n.ID == t.NodeID }); i >= 0 && nodes[i].Status.State != api.NodeStateReady {
				return fmt.Errorf("control job on %s: the node is %s", s.node(t.NodeID), nodes[i].Status.State)
			}
			switch t.Status.State {
			case api.TaskStateRejected, api.TaskStateFailed, api.TaskStateOrphaned:
				return &jobError{fmt.Sprintf("control job on %s: %s: %s", s.node(t.NodeID), t.Status.State, t.Status.Err)}
			}
		}
		if !o.pause(ctx) {
			return nil
		}
	}
}

// jobError says that a control job could not run where it was sent.
type jobError struct{ text string }

func (e *jobError) Error() string { return e.text }

// jobHost picks a proxy whose node can run the job: the image is there, and so is the control network.
func jobHost(s *Observed, proxies []proxyTask) (proxyTask, bool) {
	for _, p := range proxies {
		if p.askable() && s.nodeOf(p.NodeID).Spec.Availability == api.NodeAvailabilityActive {
			return p, true
		}
	}
	return proxyTask{}, false
}

func orderSpec(stack string, at place, ord haproxy.Order) (api.ServiceSpec, map[string]string) {
	files := haproxy.OrderFiles()
	one := uint64(1)
	labels := map[string]string{LabelNamespace: namespace(stack), LabelStack: stack, LabelRole: RoleOrder}
	return api.ServiceSpec{
		Annotations: api.Annotations{Name: namespace(stack) + "_order-" + rand.Text()[:8], Labels: labels},
		Mode:        api.ServiceMode{ReplicatedJob: &api.ReplicatedJob{MaxConcurrent: &one, TotalCompletions: &one}},
		TaskTemplate: api.TaskSpec{
			ContainerSpec: &api.ContainerSpec{
				Image:       at.Image,
				Command:     haproxy.OrderCommand()[:1],
				Args:        haproxy.OrderCommand()[1:],
				Env:         []string{haproxy.OrderVariable + "=" + ord.Encode()},
				Configs:     fileReferences(stack, files),
				Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
			},
			RestartPolicy: &api.RestartPolicy{Condition: api.RestartPolicyConditionNone},
			Placement:     at.Placement,
			Networks:      []api.NetworkAttachmentConfig{{Target: at.Network}},
			// The node's default driver may be one that cannot be read.
			LogDriver: &api.Driver{Name: "json-file"},
		},
	}, named(stack, files)
}
