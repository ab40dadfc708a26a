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
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// errRemoved says that somebody removed a control job, such as a command that tidied up.
var errRemoved = errors.New("the control job was removed: run the command again")

const (
	// orderStart is how long a control job that is to start may stand still, and how long one that
	// runs may print nothing new, apart from the order itself.
	orderStart = 30 * time.Second
	// elsewhereAfter is orderStart where another node can take the job.
	elsewhereAfter = 8 * time.Second
	// rounds is how often each node is tried: one that is slow, or whose engine fails once, may do
	// better the next time.
	rounds = 2
	// slower is how many times as long as its limits a job that makes progress may take in all.
	slower = 4
)

// Order sends a control job to the proxies and returns what they answered. A node that cannot run
// the job is passed over for the next that has a proxy: to give an order twice does no harm, since
// proxies only take a later route. progress is called with a sentence whenever what the order waits
// for changes; it may be nil.
func (sw *Switch) Order(ctx context.Context, rec *cluster.Record, proxies []cluster.ProxyTask, ord haproxy.Order, progress func(string)) (*Answer, error) {
	return sw.order(ctx, rec, proxies, ord, func() *Answer { return NewAnswer(proxies, progress) })
}

// order is Order with an answer of its own kind for each try.
func (sw *Switch) order(ctx context.Context, rec *cluster.Record, proxies []cluster.ProxyTask, ord haproxy.Order, answer func() *Answer) (*Answer, error) {
	hosts := jobHosts(rec, proxies)
	if len(hosts) == 0 {
		return nil, errors.New("no proxy runs on a node that is ready and active: see `docker service ps` of the proxy service")
	}
	for _, p := range proxies {
		ord.Proxies = append(ord.Proxies, haproxy.ProxyAddr{Service: p.Service, Addr: p.Addr})
	}
	var failed []error
	for round := range rounds {
		failed = nil
		for i, host := range hosts {
			lastHost := i == len(hosts)-1
			here := Place{Image: host.Image, Network: cluster.ControlNetwork(rec.Stack),
				Placement: &api.Placement{Constraints: []string{"node.id==" + host.NodeID}}, Start: orderStart}
			if round == 0 && !lastHost {
				here.Start = elsewhereAfter
			}
			a, err := sw.Send(ctx, rec, here, ord, answer())
			var job *JobError
			if !errors.As(err, &job) || !job.Elsewhere || ctx.Err() != nil {
				if err == nil {
					sw.receipts.add(proxies, a)
				}
				return a, err
			}
			failed = append(failed, err)
			switch {
			case !lastHost:
				sw.Warn("", "order", "%v: another node gives the order", err)
			case round < rounds-1:
				sw.Warn("", "order", "%v: the order is tried once more", err)
			}
		}
	}
	return nil, errors.Join(slices.CompactFunc(failed, func(a, b error) bool { return a.Error() == b.Error() })...)
}

// Place is where a control job runs.
type Place struct {
	Image, Network string
	Placement      *api.Placement
	// Start is how long the job may stand still until it runs.
	Start time.Duration
}

// Send runs a control job and returns what it printed. Nothing is left behind but after a crash.
func (sw *Switch) Send(ctx context.Context, rec *cluster.Record, at Place, ord haproxy.Order, a *Answer) (*Answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, slower*(ord.Wait+ord.Watch+at.Start), errLate)
	defer cancel()
	spec, files := orderSpec(rec.Stack, at, ord)
	if err := sw.EnsureFiles(ctx, rec, files); err != nil {
		return nil, err
	}
	if err := rec.Resolve(&spec); err != nil {
		return nil, err
	}
	created, err := sw.Engine.ServiceCreate(ctx, spec, api.ServiceCreateOptions{})
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)):
		return nil, fmt.Errorf("create control job: %w: %w", err, context.Cause(ctx))
	case err != nil:
		return nil, fmt.Errorf("create control job: %w", err)
	}
	defer func() {
		ctx, cancel := Detached(ctx)
		defer cancel()
		_ = sw.Engine.ServiceRemove(ctx, created.ID) // what is left is collected by the next command
	}()
	return sw.follow(ctx, rec, created.ID, limits{start: at.Start, silent: ord.Wait + at.Start}, a)
}

// follow reads the job's output until its last line, while it watches that the job can run at all.
func (sw *Switch) follow(ctx context.Context, rec *cluster.Record, id string, most limits, a *Answer) (*Answer, error) {
	defer a.progress.stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := sw.jobFailure(ctx, rec, id, most, a.heard.at); ctx.Err() == nil {
			cancel(err)
		}
	}()
	for {
		err := sw.readAnswer(ctx, id, a)
		var own *JobError
		switch {
		case err == nil:
			return a, nil
		case engine.NotFound(err) && ctx.Err() == nil:
			return nil, errRemoved
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
	a.restart() // the lines are read from the first
	lines := bufio.NewScanner(out)
	for n := 1; lines.Scan(); n++ {
		a.heard.line(n)
		if err := a.line(lines.Text()); err != nil || a.Done {
			return err
		}
	}
	return errors.Join(errors.New("the control job's output ended early"), lines.Err())
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
				Env:         ord.Env(),
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
