//go:build linux

package lab

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

// joining brings the nodes into one swarm: the first initialises it; workers then join all at once,
// managers one after the other.
type joining struct {
	options  Options
	ready    chan struct{} // closed when the swarm exists and the fields below are set
	leader   string
	tokens   swarm.JoinTokens
	managers sync.Mutex
}

func newJoining(o Options) *joining { return &joining{options: o, ready: make(chan struct{})} }

func (j *joining) join(ctx context.Context, n *Node) error {
	if n.number == 1 {
		return j.initialise(ctx, n)
	}
	select {
	case <-j.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	req := swarm.JoinRequest{
		AdvertiseAddr: n.IP(), ListenAddr: n.IP() + ":2377",
		RemoteAddrs: []string{j.leader + ":2377"}, JoinToken: j.tokens.Worker,
	}
	if n.Manager {
		j.managers.Lock()
		defer j.managers.Unlock()
		req.JoinToken = j.tokens.Manager
		if j.options.Drained {
			req.Availability = swarm.NodeAvailabilityDrain
		}
	}
	c, err := n.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	return c.SwarmJoin(ctx, req)
}

func (j *joining) initialise(ctx context.Context, n *Node) error {
	args := []string{"swarm", "init", "--advertise-addr", n.IP(), "--listen-addr", n.IP() + ":2377", "--dispatcher-heartbeat", "1s"}
	if j.options.Drained {
		args = append(args, "--availability", "drain")
	}
	if _, err := n.Docker(ctx, append(args, j.options.InitArgs...)...); err != nil {
		return err
	}
	c, err := n.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.SwarmInspect(ctx)
	if err != nil {
		return err
	}
	j.leader, j.tokens = n.IP(), s.JoinTokens
	close(j.ready)
	return nil
}

// WaitReady returns when the swarm calls every node of the lab Ready.
func (l *Lab) WaitReady(ctx context.Context) error {
	return l.waitNodes(ctx, fmt.Sprintf("%d nodes ready", l.Managers+l.Workers), func(nodes []swarm.Node) bool {
		ready := 0
		for _, n := range nodes {
			if n.Status.State == swarm.NodeStateReady {
				ready++
			}
		}
		return ready >= l.Managers+l.Workers
	})
}

// WaitState returns when the first manager that answers calls the node Ready or Down.
func (n *Node) WaitState(ctx context.Context, state swarm.NodeState) error {
	return n.lab.waitNodes(ctx, n.Name+" "+string(state), func(nodes []swarm.Node) bool {
		return slices.ContainsFunc(nodes, func(s swarm.Node) bool {
			return s.Description.Hostname == n.Name && s.Status.State == state
		})
	})
}

// waitNodes polls: the engine's events of nodes come from one manager only, and are lost when that
// is the one that dies.
func (l *Lab) waitNodes(ctx context.Context, what string, done func([]swarm.Node) bool) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	states, last := map[string]swarm.NodeState{}, error(nil)
	for {
		nodes, err := l.nodeList(ctx)
		if err == nil && done(nodes) {
			return nil
		}
		for _, n := range nodes {
			states[n.Description.Hostname] = n.Status.State
		}
		if ctx.Err() != nil {
			return fmt.Errorf("lab %s: waiting for %s: %w, nodes are %v, last error: %v", l.Name, what, context.Cause(ctx), states, last)
		}
		last = err
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *Lab) nodeList(ctx context.Context) (nodes []swarm.Node, err error) {
	for _, n := range l.Nodes()[:l.Managers] {
		if nodes, err = n.nodeList(ctx); err == nil {
			return nodes, nil
		}
	}
	return nil, err
}

func (n *Node) nodeList(ctx context.Context) ([]swarm.Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // a manager that is cut off or frozen does not answer
	defer cancel()
	c, err := n.Client()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.NodeList(ctx, swarm.NodeListOptions{})
}
