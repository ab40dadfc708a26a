//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
)

// removeService removes a service and waits until its containers are gone: they hold networks and
// images.
func (e *engine) removeService(ctx context.Context, id string) error {
	if err := e.ServiceRemove(ctx, id); err != nil && !cerrdefs.IsNotFound(err) {
		return err
	}
	for {
		left, err := e.containers(ctx, "com.docker.swarm.service.id="+id)
		if err != nil || len(left) == 0 {
			return err
		}
		if err := breathe(ctx); err != nil {
			return err
		}
	}
}

// stacks are the namespaces of our stack: its own, and that of what the plugin makes beside it.
func (e *engine) stacks() []string { return []string{e.stack, e.stack + "-bluegreen"} }

// unused is an error if somebody has a stack of our name.
func (e *engine) unused(ctx context.Context) error {
	found, err := e.ServiceList(ctx, swarm.ServiceListOptions{Filters: filters.NewArgs(filters.Arg("label", "com.docker.stack.namespace="+e.stack))})
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("a stack %s runs on this swarm: remove it first (docker bluegreen down -p %s)", e.stack, e.stack)
	}
	return err
}

// removeStack removes all that carries the name of our stack, one by one: what holds networks
// before them.
func (e *engine) removeStack(ctx context.Context) error {
	for _, remove := range []func(context.Context, filters.Args) error{e.removeServices, e.removeConfigs, e.removeNetworks} {
		for _, namespace := range e.stacks() {
			if err := remove(ctx, filters.NewArgs(filters.Arg("label", "com.docker.stack.namespace="+namespace))); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *engine) removeServices(ctx context.Context, which filters.Args) error {
	services, err := e.ServiceList(ctx, swarm.ServiceListOptions{Filters: which})
	for _, s := range services {
		if err := e.removeService(ctx, s.ID); err != nil {
			return err
		}
	}
	return err
}

func (e *engine) removeConfigs(ctx context.Context, which filters.Args) error {
	configs, err := e.ConfigList(ctx, swarm.ConfigListOptions{Filters: which})
	for _, c := range configs {
		if err := e.ConfigRemove(ctx, c.ID); err != nil && !cerrdefs.IsNotFound(err) {
			return err
		}
	}
	return err
}

// removeNetworks waits until nothing is on a network any more, which may be a moment after the last
// container went.
func (e *engine) removeNetworks(ctx context.Context, which filters.Args) error {
	networks, err := e.NetworkList(ctx, network.ListOptions{Filters: which})
	for _, n := range networks {
		for err := e.NetworkRemove(ctx, n.ID); err != nil && !cerrdefs.IsNotFound(err); err = e.NetworkRemove(ctx, n.ID) {
			if late := breathe(ctx); late != nil {
				return err
			}
		}
	}
	return err
}

// removeContainers removes what is left of the containers of our services: an engine that leaves
// its swarm keeps them for ever.
func (e *engine) removeContainers(ctx context.Context) error {
	for {
		left, err := e.containers(ctx, "com.docker.swarm.service.name")
		left = slices.DeleteFunc(left, func(c container.Summary) bool {
			name := c.Labels["com.docker.swarm.service.name"]
			return name != probeName && !strings.HasPrefix(name, e.stack+"_") && !strings.HasPrefix(name, e.stack+"-bluegreen_")
		})
		if err != nil || len(left) == 0 {
			return err
		}
		for _, c := range left {
			// Conflict: the engine is removing it already.
			if err := e.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true}); err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
				return err
			}
		}
		if err := breathe(ctx); err != nil {
			return err
		}
	}
}

// containers are those with a label, running or not.
func (e *engine) containers(ctx context.Context, label string) ([]container.Summary, error) {
	return e.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
}

// breathe waits between two looks.
func breathe(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return errors.New("containers of it do not go away")
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
