package swarm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// removeService removes a service of the stack and waits until its tasks have ended.
func (r *run) removeService(ctx context.Context, s Step) error {
	svc := r.serviceOf(s)
	if err := r.remove(ctx, svc); err != nil {
		return err
	}
	r.done(s.Service, "service", "removed: %s", s.Cause)
	return nil
}

// removeProxies removes the proxies of a service that left the file, before its colors.
func (r *run) removeProxies(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	if err := r.remove(ctx, b.Proxy); err != nil {
		return err
	}
	b.Proxy = nil
	r.done(s.Service, "proxies", "removed: %s", s.Cause)
	return nil
}

// removeColor removes a color, once no proxy is left that could send there.
func (r *run) removeColor(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	r.seen.mu.Lock()
	plain, ok := r.seen.Plain[s.Service]
	r.seen.mu.Unlock()
	if ok {
		if err := r.proxiesLeft(ctx, plain); err != nil {
			return err
		}
	}
	if err := r.remove(ctx, b.Colors[s.Color]); err != nil {
		return err
	}
	r.done(s.Service, "color "+string(s.Color), "removed: %s", s.Cause)
	return r.forget(ctx, r.seen, b, s.Color)
}

// proxiesLeft waits until the tasks that a service had before it became a plain one have ended. What runs on a node
// that does not answer may still be a proxy that sends to the colors.
func (r *run) proxiesLeft(ctx context.Context, svc api.Service) error {
	left, err := r.awaitFormer(ctx, svc, 0)
	if err != nil || len(left) == 0 {
		return err
	}
	return &UnconfirmedError{Service: strings.TrimPrefix(svc.Spec.Name, r.stack+"_"), Proxies: r.placesOf(left, svc),
		After: "the colors were left running; once the node is back or removed (`docker node rm`), run `docker bluegreen up` again"}
}

// awaitFormer waits until the tasks of earlier specs of a service have ended, at most as long as patience, 0 for as long as
// it takes. It returns those that have not, and those on nodes that do not answer.
func (r *run) awaitFormer(ctx context.Context, svc api.Service, patience time.Duration) ([]api.Task, error) {
	for began := time.Now(); ; {
		if _, err := r.refreshNodes(ctx, r.seen); err != nil {
			return nil, err
		}
		all, err := r.tasks(ctx, svc.ID)
		if err != nil {
			return nil, err
		}
		current, err := r.currentTasks(ctx, svc.ID)
		if err != nil {
			return nil, err
		}
		now := ids(current)
		left := slices.DeleteFunc(all[svc.ID], func(t api.Task) bool {
			return ended(t) || !begun(t) || slices.Contains(now, t.ID)
		})
		late := patience > 0 && time.Since(began) >= patience
		if late || !slices.ContainsFunc(left, func(t api.Task) bool { return r.seen.reachable(t.NodeID) }) {
			return left, nil
		}
		if !r.pause(ctx) {
			return nil, context.Cause(ctx)
		}
	}
}

// placesOf says which tasks run on which nodes.
func (r *run) placesOf(tasks []api.Task, svc api.Service) []string {
	var names []string
	for _, t := range tasks {
		names = append(names, fmt.Sprintf("%s on %s", r.seen.taskName(t, svc.Spec.Name), r.seen.node(t.NodeID)))
	}
	return names
}

// removeNetwork removes the control network, and the generated files of proxies that are gone with it.
func (r *run) removeNetwork(ctx context.Context, s Step) error {
	ctx, cancel := context.WithTimeout(ctx, downTime)
	defer cancel()
	if err := r.Executor.removeNetwork(ctx, r.seen.Networks[s.Name]); err != nil {
		return err
	}
	return r.removeFiles(ctx)
}

// removeFiles removes the generated files of proxies.
func (r *run) removeFiles(ctx context.Context) error {
	for name, c := range r.seen.Configs {
		if !r.seen.mine(c.Spec.Labels) || c.Spec.Labels[LabelRole] != RoleFile {
			continue
		}
		if err := r.engine.ConfigRemove(ctx, c.ID); err != nil && !notFound(err) {
			return fmt.Errorf("remove config %s: %w", name, err)
		}
	}
	return nil
}

// giveBack turns the proxies of a service into the service itself, in place: id, alias and ports stay. The colors go
// on serving for those proxies that have not ended yet.
func (r *run) giveBack(ctx context.Context, s Step) error {
	b := r.blueGreen(s.Service)
	want, err := r.ready(ctx, s)
	if err != nil {
		return err
	}
	live := b.Proxy
	if live == nil { // an earlier command has begun it
		live = r.serviceOf(s)
	} else {
		r.mu.Lock()
		r.before[s.Service] = clone(live.Spec)
		r.mu.Unlock()
	}
	r.working(s.Service, "service", "%s", s.Cause)
	stopFirst := hostPorts(want) || hostPorts(live.Spec)
	svc, err := r.rewrite(ctx, live, func(spec *api.ServiceSpec) error {
		next := replacing(r.seen, *spec, want)
		next.UpdateConfig = proxyUpdate(stopFirst)
		*spec = next
		return nil
	})
	if err != nil {
		return err
	}
	b.Proxy = svc
	if err := r.awaitSteady(ctx, r.seen, waiting{Service: s.Service, Step: "service", Svc: svc, Timeout: s.Timeout}); err != nil {
		return err
	}
	r.serves(s.Service)
	if err := r.awaitReplaced(ctx, b); err != nil {
		return err
	}
	// The user's own update_config; and `docker service rollback`, which undoes one write, no longer brings proxies back.
	svc, err = r.rewrite(ctx, b.Proxy, func(spec *api.ServiceSpec) error {
		spec.UpdateConfig = want.UpdateConfig
		return nil
	})
	if err != nil {
		return err
	}
	b.Proxy = nil
	r.seen.mu.Lock()
	r.seen.Plain[s.Service] = *svc
	r.seen.mu.Unlock()
	r.done(s.Service, "service", "given back: it is a plain service again")
	return nil
}
