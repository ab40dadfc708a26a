package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
	api "github.com/docker/docker/api/types/swarm"
)

// awaitReady waits until every proxy sees exactly the color's running tasks, each having passed its check.
// Tasks that fail meanwhile end the wait as they do before.
func (r *run) awaitReady(ctx context.Context, b *BlueGreen, c Color, timeout time.Duration) error {
	step := "color " + string(c)
	w := waiting{Service: b.Name, Color: c, Step: step, Svc: b.Colors[c], Timeout: timeout}
	for began := time.Now(); ; {
		tasks, err := r.await(ctx, r.seen, w)
		if err != nil {
			return err
		}
		if err := r.proxiesFailed(ctx, b); err != nil {
			return err
		}
		unmet, err := r.readyOnce(ctx, b, c, tasks, timeout-time.Since(began))
		switch {
		case errors.Is(err, errTasksChanged) && r.pause(ctx):
		case err != nil:
			return err
		case unmet == "":
			r.done(b.Name, step, "ready in every proxy")
			return nil
		case time.Since(began) >= timeout:
			return r.unhealthy(ctx, r.seen, w, fmt.Sprintf("not ready in every proxy within %s: %s", timeout, unmet), tasks)
		}
	}
}

var errTasksChanged = errors.New("the tasks changed")

// proxiesFailed is the error for proxies that cannot run; nil as long as there is hope.
func (r *run) proxiesFailed(ctx context.Context, b *BlueGreen) error {
	tasks, err := r.currentTasks(ctx, b.Proxy.ID)
	if err != nil {
		return err
	}
	if failed := failures(b.Proxy, tasks); len(failed) > 0 {
		return r.unhealthy(ctx, r.seen, waiting{Service: b.Name, Svc: b.Proxy}, "its proxies failed", failed)
	}
	return nil
}

// readyOnce asks the proxies to see these tasks ready, until the tasks change. It returns what was not met.
func (r *run) readyOnce(ctx context.Context, b *BlueGreen, c Color, tasks []api.Task, wait time.Duration) (string, error) {
	route, err := b.route()
	if err != nil {
		return "", err
	}
	here := []move{{b: b, from: route, to: route}}
	proxies, err := r.askable(ctx, r.seen, here)
	if errors.Is(err, errNoProxy) {
		return err.Error(), errTasksChanged // one is on its way: a wait for the next look
	}
	if err != nil {
		return "", err
	}
	addrs := addresses(tasks, servingID(b.Colors[c].Spec, serversAlias(r.stack, b.Name, c)))
	octx, cancel := context.WithCancelCause(ctx)
	color := b.Colors[c]
	var watches sync.WaitGroup
	defer watches.Wait()
	defer cancel(nil)
	watches.Go(func() { r.watchTasks(octx, color, tasks, cancel) })
	watches.Go(func() { r.watchProxies(octx, r.seen, here, proxies, cancel) })
	report, err := r.order(octx, r.seen, proxies, haproxy.Order{Wait: max(wait, time.Second),
		Until: []haproxy.Condition{{Service: b.Name, Color: string(c), Want: haproxy.Ready, Addrs: addrs}}},
		func(unmet string) { r.working(b.Name, "color "+string(c), "%s", unmet) })
	if err != nil {
		return "", err
	}
	if !report.Met {
		return report.Unmet(), nil
	}
	return "", nil
}

// watchTasks cancels when the running tasks of a color are not the given ones any more.
func (r *run) watchTasks(ctx context.Context, color *api.Service, tasks []api.Task, cancel context.CancelCauseFunc) {
	for r.pause(ctx) {
		now, err := r.currentTasks(ctx, color.ID)
		if err != nil {
			continue // a manager that does not answer now may do so at the next look
		}
		if !slices.Equal(ids(runningTasks(now)), ids(tasks)) {
			cancel(errTasksChanged)
			return
		}
	}
}

func addrsOf(proxies []proxyTask) []string {
	var out []string
	for _, p := range proxies {
		out = append(out, p.Addr)
	}
	slices.Sort(out)
	return out
}

func ids(tasks []api.Task) []string {
	var out []string
	for _, t := range tasks {
		out = append(out, t.ID)
	}
	slices.Sort(out)
	return out
}

// servingID is the id of the network on which a color carries the alias that the proxies ask for.
func servingID(spec api.ServiceSpec, alias string) string {
	for _, n := range spec.TaskTemplate.Networks {
		if slices.Contains(n.Aliases, alias) {
			return n.Target
		}
	}
	return ""
}

func addresses(tasks []api.Task, network string) []string {
	out := []string{}
	for _, t := range tasks {
		if a := address(t, network); a != "" {
			out = append(out, a)
		}
	}
	slices.Sort(out)
	return out
}
