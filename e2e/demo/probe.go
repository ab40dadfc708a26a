//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

// way is how traffic gets in.
type way struct {
	ingress bool   // the routing mesh works, and with it virtual addresses
	address string // of the node
}

const (
	firstPort   = 18080 // 8080 itself is what half of the world listens on
	probeTime   = 2 * time.Minute
	ingressTime = 3 * time.Second // for the mesh, once the task itself answers
)

// probe finds out whether the ingress mesh works here, by a service with a port of each kind:
// kernels without IPVS lack the one.
func (e *engine) probe(ctx context.Context, u *undo) (way, error) {
	mesh, err := freePort(firstPort)
	if err != nil {
		return way{}, err
	}
	host, err := freePort(mesh + 1)
	if err != nil {
		return way{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, probeTime, errors.New("the probe's task does not answer on its node's port"))
	defer cancel()
	svc, err := e.ServiceCreate(ctx, probeSpec(e.info.Swarm.NodeID, mesh, host), swarm.ServiceCreateOptions{})
	if err != nil {
		return way{}, fmt.Errorf("probe: %w", err)
	}
	u.add("the probe", func(ctx context.Context) error { return e.removeService(ctx, svc.ID) })
	address, err := firstAnswer(ctx, e.addresses(), host)
	if err != nil {
		return way{}, fmt.Errorf("probe: %w: see docker service ps %s", err, probeName)
	}
	patience, stop := context.WithTimeout(ctx, ingressTime)
	defer stop()
	_, none := firstAnswer(patience, []string{address}, mesh)
	return way{ingress: none == nil, address: address}, e.removeService(ctx, svc.ID)
}

const probeName = "bluegreen-demo-probe"

func probeSpec(node string, mesh, host int) swarm.ServiceSpec {
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: probeName},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{Image: probeTag, Env: []string{"APP_STOP_DELAY=0s"}},
			Placement:     &swarm.Placement{Constraints: []string{"node.id==" + node}},
		},
		EndpointSpec: &swarm.EndpointSpec{Ports: []swarm.PortConfig{
			{TargetPort: 8080, PublishedPort: uint32(mesh), PublishMode: swarm.PortConfigPublishModeIngress},
			{TargetPort: 8080, PublishedPort: uint32(host), PublishMode: swarm.PortConfigPublishModeHost},
		}},
	}
}

// firstAnswer asks all addresses again and again until one answers.
func firstAnswer(ctx context.Context, addresses []string, port int) (string, error) {
	c := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		for _, a := range addresses {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(a, strconv.Itoa(port)), nil)
			if err != nil {
				return "", err
			}
			if resp, err := c.Do(req); err == nil {
				resp.Body.Close()
				return a, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(100 * time.Millisecond): // between two tries
		}
	}
}
