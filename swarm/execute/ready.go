package execute

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// awaitReady waits until every proxy sees exactly the color's running tasks, each having passed its
// check. Tasks that fail meanwhile end the wait as they do before.
func (r *run) awaitReady(ctx context.Context, b *cluster.BlueGreen, c cluster.Color, timeout time.Duration) error {
	step := "color " + string(c)
	w := cluster.Waiting{Service: b.Name, Color: c, Step: step, Svc: b.Colors[c], Timeout: timeout}
	fewest := math.MaxInt
	for began := time.Now(); ; {
		tasks, err := r.Await(ctx, r.known, w)
		if err != nil {
			return err
		}
		if err := r.proxiesFailed(ctx, b); err != nil {
			return err
		}
		report, err := r.readyOnce(ctx, b, c, tasks, timeout-time.Since(began))
		switch {
		case errors.Is(err, traffic.ErrNoProxy) && time.Since(began) >= timeout:
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("not ready in every proxy within %s: %s", timeout, err), tasks)
		case (errors.Is(err, traffic.ErrNoProxy) || errors.Is(err, cluster.ErrTasksChanged)) && r.Pause(ctx):
		case err != nil:
			return err
		case report.Met:
			r.Done(b.Name, step, "ready in every proxy")
			return nil
		case report.Advanced(&fewest):
			began = time.Now()
		case time.Since(began) >= timeout:
			return r.Unhealthy(ctx, r.known, w, fmt.Sprintf("not ready in every proxy within %s: %s", timeout, report.Unmet()), tasks)
		}
	}
}

// proxiesFailed is the error for proxies that cannot run; nil as long as there is hope.
func (r *run) proxiesFailed(ctx context.Context, b *cluster.BlueGreen) error {
	tasks, err := r.Now().CurrentTasks(ctx, b.Proxy.ID)
	if err != nil {
		return err
	}
	if failed := cluster.Failures(b.Proxy, tasks); len(failed) > 0 {
		return r.Unhealthy(ctx, r.known, cluster.Waiting{Service: b.Name, Svc: b.Proxy}, "its proxies failed", failed)
	}
	return nil
}

// readyOnce asks the proxies to see these tasks ready, until the tasks change. ErrNoProxy says that
// none is there yet, traffic.ErrDrift that they follow a later route than the label.
func (r *run) readyOnce(ctx context.Context, b *cluster.BlueGreen, c cluster.Color, tasks []api.Task, wait time.Duration) (*traffic.Answer, error) {
	stays, err := traffic.Standing(b)
	if err != nil {
		return nil, err
	}
	addrs := cluster.TaskAddresses(tasks, cluster.ServingNetwork(b.Colors[c].Spec, cluster.ServersAlias(r.Stack, b.Name, c)))
	octx, cancel := context.WithCancelCause(ctx)
	color := b.Colors[c]
	var watches sync.WaitGroup
	defer watches.Wait()
	defer cancel(nil)
	watches.Go(func() { r.watchTasks(octx, color, tasks, cancel) })
	moves := []traffic.Move{stays}
	report, err := r.OrderHere(octx, r.known, moves, haproxy.Order{Wait: max(wait, time.Second),
		Until: []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Ready, Addrs: addrs}}},
		func(unmet string) { r.Working(b.Name, "color "+string(c), "%s", unmet) })
	if err == nil && traffic.Outrun(moves, report) {
		return nil, traffic.ErrDrift
	}
	return report, err
}

// watchTasks cancels when the running tasks of a color are not the given ones any more.
func (r *run) watchTasks(ctx context.Context, color *api.Service, tasks []api.Task, cancel context.CancelCauseFunc) {
	for r.Rest(ctx) {
		now, err := r.Next().CurrentTasks(ctx, color.ID)
		if err != nil {
			continue // a manager that does not answer now may do so at the next look
		}
		if !slices.Equal(cluster.TaskIDs(cluster.RunningTasks(now)), cluster.TaskIDs(tasks)) {
			cancel(cluster.ErrTasksChanged)
			return
		}
	}
}
