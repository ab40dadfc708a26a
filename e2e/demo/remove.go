//go:build linux

package main

import (
	"context"
	"errors"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// removeService removes a service and waits until its containers are gone: they hold networks and images.
func (e *engine) removeService(ctx context.Context, id string) error {
	if err := e.ServiceRemove(ctx, id); err != nil && !cerrdefs.IsNotFound(err) {
		return err
	}
	return e.awaitNoContainer(ctx, filters.Arg("label", "com.docker.swarm.service.id="+id))
}

func (e *engine) awaitNoContainer(ctx context.Context, which filters.KeyValuePair) error {
	for {
		left, err := e.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(which)})
		if err != nil || len(left) == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.New("containers of it do not go away")
		case <-time.After(100 * time.Millisecond): // between two looks
		}
	}
}
