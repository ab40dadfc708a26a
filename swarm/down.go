package swarm

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

// Down removes all that the stack made on the swarm, and waits until it is gone.
func (o *Operator) Down(ctx context.Context, opts DownOptions) error {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	if s.Empty() && len(s.Owned()) == 0 {
		return s.NothingDeployed()
	}
	err = o.locked(ctx, "docker bluegreen down", opts.LockTimeout, func(ctx context.Context) error {
		return o.down(ctx)
	})
	if err != nil && ctx.Err() != nil {
		return &cluster.InterruptedError{Left: "a part of stack " + o.ex.Stack + " is removed; run `docker bluegreen down` again for the rest"}
	}
	return err
}

func (o *Operator) down(ctx context.Context) error {
	s, err := o.ex.Observe(ctx)
	if err != nil {
		return err
	}
	services := s.Services()
	for _, svc := range services {
		if err := o.ex.Engine.ServiceRemove(ctx, svc.ID); err != nil && !engine.NotFound(err) {
			return fmt.Errorf("remove service %s: %w", svc.Spec.Name, err)
		}
		o.ex.Done("", "service "+svc.Spec.Name, "removed")
	}
	if err := o.ex.AwaitRemoved(ctx, s, services); err != nil {
		return err
	}
	for name, secret := range s.Secrets {
		if s.Mine(secret.Spec.Labels) {
			if err := o.ex.Engine.SecretRemove(ctx, secret.ID); err != nil && !engine.NotFound(err) {
				return fmt.Errorf("remove secret %s: %w", name, err)
			}
		}
	}
	for name, config := range s.Configs {
		if s.Mine(config.Spec.Labels) && name != cluster.LockName(o.ex.Stack) {
			if err := o.ex.Engine.ConfigRemove(ctx, config.ID); err != nil && !engine.NotFound(err) {
				return fmt.Errorf("remove config %s: %w", name, err)
			}
		}
	}
	return o.removeNetworks(ctx, s)
}

// removeNetworks removes the stack's networks: an engine keeps one in use for a moment after its last task ended.
func (o *Operator) removeNetworks(ctx context.Context, s *cluster.Snapshot) error {
	ctx, cancel := context.WithTimeout(ctx, cluster.RemovalTime)
	defer cancel()
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		n := s.Networks[name]
		if !s.Mine(n.Labels) {
			continue
		}
		if err := o.ex.RemoveNetwork(ctx, n); err != nil {
			return err
		}
	}
	return nil
}
