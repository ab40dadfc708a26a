package execute

import (
	"context"
	"errors"
	"fmt"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// runTest runs a job that tests a color, and waits for its end. A failure is one of the color.
func (r *run) runTest(ctx context.Context, s plan.Step) error {
	w := cluster.Waiting{Service: s.Service, Step: "test " + s.Job, Timeout: s.Timeout}
	r.Working(w.Service, w.Step, "%s", s.Cause)
	var err error
	if w.Svc, err = r.putTest(ctx, s); err != nil {
		return err
	}
	b := r.blueGreen(s.Service)
	wait := func() error { return r.awaitCompleted(ctx, w) }
	if b.Proxy == nil {
		err = wait() // nothing has traffic yet, and nobody could take any back
	} else {
		tested := cluster.Tested{Job: s.Job, Color: s.Color, Release: cluster.ReleaseOf(b.Colors[s.Color].Spec), Serves: s.Do == plan.Verify}
		err = r.testing(ctx, s.Service, tested, wait)
	}
	var failed *cluster.UnhealthyError
	if errors.As(err, &failed) && failed.Service == s.Service { // else it is that of another unit, which has ended this one
		failed.Color, failed.Test, failed.Verified = string(s.Color), s.Job, s.Do == plan.Verify
		if failed.Verified {
			r.mu.Lock()
			r.unverified = failed
			r.mu.Unlock()
		}
	}
	if err != nil || s.Passed == nil {
		return err
	}
	svc, err := r.Relabel(ctx, b.Colors[s.Color], s.Passed)
	if err == nil {
		b.Colors[s.Color] = svc
	}
	return err
}

// putTest creates the job's service or writes its spec, either of which runs it.
func (r *run) putTest(ctx context.Context, s plan.Step) (svc *api.Service, err error) {
	live, exists := r.known.Plain(s.Job)
	if !exists {
		err = r.createService(ctx, s, func(made *api.Service) { svc = made })
	} else {
		var want api.ServiceSpec
		if want, err = r.ready(ctx, s); err != nil {
			return nil, err
		}
		svc, err = r.Rewrite(ctx, &live, func(spec *api.ServiceSpec) error {
			next := replacing(r.known, *spec, want)
			next.TaskTemplate.ForceUpdate++
			*spec = next
			return nil
		})
	}
	if svc != nil {
		r.keepPlain(s.Job, svc)
	}
	if err != nil {
		return nil, fmt.Errorf("service %s: test %s: %w", s.Service, s.Job, err)
	}
	return svc, nil
}
