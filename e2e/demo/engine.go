//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/client"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

// engine is a manager of a swarm, and one of its nodes: the one that the demo's tasks run on.
type engine struct {
	client.APIClient
	host  string // as in DOCKER_HOST
	stack string // the name of ours
	info  system.Info
}

// connect finds the engine that docker talks to (DOCKER_HOST, context). Where there is none, docker
// is installed; where that does not start one either, as in a container without an init, one of our
// own is started.
func connect(ctx context.Context, s *screen, u *undo) (*engine, error) {
	if _, err := exec.LookPath("docker"); err != nil && os.Geteuid() == 0 {
		if err := lab.Ready(); err != nil {
			return nil, err
		}
	}
	e, err := dial(ctx)
	if err == nil {
		s.say("engine %s at %s", e.info.ServerVersion, e.host)
		return e, nil
	}
	if os.Geteuid() != 0 || os.Getenv("DOCKER_HOST") != "" || os.Getenv("DOCKER_CONTEXT") != "" {
		return nil, fmt.Errorf("%w: start it, or name another with DOCKER_HOST or docker context use", err)
	}
	l, err := lab.Up(ctx, lab.Options{Name: "demo", Managers: 1})
	if err != nil {
		return nil, err
	}
	u.add("the engine", func(context.Context) error { return l.Down() })
	os.Setenv("DOCKER_HOST", l.Node("n1").Host())
	s.say("no engine runs here: started one, with its own swarm")
	return dial(ctx)
}

func dial(ctx context.Context) (*engine, error) {
	cli, err := command.NewDockerCli(command.WithCombinedStreams(io.Discard))
	if err != nil {
		return nil, err
	}
	if err := cli.Initialize(flags.NewClientOptions()); err != nil {
		return nil, err
	}
	e := &engine{APIClient: cli.Client(), host: cli.DockerEndpoint().Host}
	if e.info, err = e.Info(ctx); err != nil {
		return nil, fmt.Errorf("no engine answers: %w", err)
	}
	return e, nil
}

// join makes sure of a swarm. One that is there is used as it is.
func (e *engine) join(ctx context.Context, s *screen, u *undo) error {
	switch state := e.info.Swarm.LocalNodeState; {
	case state == swarm.LocalNodeStateInactive:
		if err := e.initialise(ctx, s, u); err != nil {
			return err
		}
		s.say("no swarm: created one; the demo leaves it at the end")
	case state != swarm.LocalNodeStateActive:
		return fmt.Errorf("its swarm is %s: run docker swarm unlock or docker swarm leave", state)
	case !e.info.Swarm.ControlAvailable:
		return errors.New("this engine is a worker of its swarm: name a manager with DOCKER_HOST or docker context use")
	default:
		s.say("a manager of a swarm with %d nodes: the demo uses its node", e.info.Swarm.Nodes)
	}
	if err := e.unused(ctx); err != nil {
		return err
	}
	var err error
	if e.info, err = e.Info(ctx); err != nil {
		return err
	}
	node, _, err := e.NodeInspectWithRaw(ctx, e.info.Swarm.NodeID)
	if err == nil && node.Spec.Availability != swarm.NodeAvailabilityActive {
		err = fmt.Errorf("node %s takes no tasks (%s), and the images of the demo are only there: name another manager, or run "+
			"docker node update --availability active %s", node.Description.Hostname, node.Spec.Availability, node.Description.Hostname)
	}
	return err
}

func (e *engine) initialise(ctx context.Context, s *screen, u *undo) error {
	bridge, err := e.hasNetwork(ctx, gatewayBridge)
	if err != nil {
		return err
	}
	// The first step stands before what it undoes: an interruption in between must find it.
	u.add("the swarm", func(ctx context.Context) error { return e.leave(ctx, s, !bridge) })
	_, err = e.SwarmInit(ctx, swarm.InitRequest{ListenAddr: "127.0.0.1:2377", AdvertiseAddr: "127.0.0.1"})
	return err
}

const gatewayBridge = "docker_gwbridge" // made with a swarm, not removed with it

// leave ends the swarm. An engine that has lost track of an endpoint keeps the bridge, whoever
// asks, until it is started again (seen on 20.10, after many swarms).
func (e *engine) leave(ctx context.Context, s *screen, removeBridge bool) error {
	if info, err := e.Info(ctx); err != nil || info.Swarm.LocalNodeState == swarm.LocalNodeStateInactive {
		return err
	}
	if err := e.SwarmLeave(ctx, true); err != nil {
		return err
	}
	if !removeBridge {
		return nil
	}
	for try := 1; ; try++ { // what was on it may still be ending
		err := e.NetworkRemove(ctx, gatewayBridge)
		switch {
		case err == nil || cerrdefs.IsNotFound(err):
			return nil
		case !strings.Contains(err.Error(), "has active endpoints"):
			return err
		case try == bridgeTries:
			s.say("the engine keeps its network %s: it says that something is still on it. Restart the engine, then run docker network rm %s", gatewayBridge, gatewayBridge)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

const bridgeTries = 10 // a second apart

func (e *engine) hasNetwork(ctx context.Context, name string) (bool, error) {
	all, err := e.NetworkList(ctx, network.ListOptions{})
	return slices.ContainsFunc(all, func(n network.Summary) bool { return n.Name == name }), err
}

// addresses are where ports of the engine's node may be reached from here, the best first.
func (e *engine) addresses() []string {
	if strings.HasPrefix(e.host, "unix:") {
		return []string{e.info.Swarm.NodeAddr, "127.0.0.1"}
	}
	u, err := url.Parse(e.host)
	if err != nil {
		return []string{e.info.Swarm.NodeAddr}
	}
	return []string{u.Hostname(), e.info.Swarm.NodeAddr}
}

// freePort returns the first port from the given one on that nobody listens on here.
func freePort(from int) (port int, err error) {
	for port = from; port < from+100; port++ {
		var l net.Listener
		if l, err = net.Listen("tcp4", ":"+strconv.Itoa(port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}
