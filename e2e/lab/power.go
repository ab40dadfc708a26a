//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// registries are names that resolve to the node itself, where nothing listens: an attempt to pull
// fails at once.
const registries = "registry-1.docker.io auth.docker.io index.docker.io"

// Start switches the node on, or starts dockerd again after Crash or Stop, and returns when dockerd
// answers. The disk is as it was.
func (n *Node) Start(ctx context.Context) error {
	pid := n.pid()
	if pid == 0 {
		if err := n.prepareDisk(); err != nil {
			return err
		}
		flags := uintptr(syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET)
		h := helper{role: "init", args: []string{n.lab.Name, n.Name, n.engine(), n.lab.Disk}, flags: flags, log: n.file("init.log"), pid: n.file("init.pid")}
		var err error
		if pid, err = h.start(); err != nil {
			return err
		}
		if err := n.plug(pid); err != nil {
			return err
		}
	}
	if n.dockerd() == 0 {
		os.Remove(n.Socket())
		if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
			return err
		}
	}
	return n.waitAPI(ctx)
}

// engine is the directory of the node's engine; empty for the machine's own.
func (n *Node) engine() string {
	if len(n.lab.Engines) == 0 {
		return ""
	}
	return n.lab.Engines[(n.number-1)%len(n.lab.Engines)]
}

func (n *Node) prepareDisk() error {
	for _, d := range []string{"data", "etc-docker"} {
		if err := os.MkdirAll(n.file(d), 0o755); err != nil {
			return err
		}
	}
	if disk := n.file("disk"); n.lab.Disk != "" && !exists(disk) {
		if err := run("", "mkfs.ext4", "-q", disk, n.lab.Disk); err != nil {
			return err
		}
	}
	hosts := fmt.Sprintf("127.0.0.1 localhost\n%s %s\n127.0.0.1 %s\n", n.IP(), n.Name, registries)
	return errors.Join(
		os.WriteFile(n.file("resolv.conf"), []byte("nameserver "+n.lab.ip(253)+"\n"), 0o644),
		os.WriteFile(n.file("hosts"), []byte(hosts), 0o644),
	)
}

func (n *Node) waitAPI(ctx context.Context) error {
	c, err := n.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	for {
		if _, err = c.Ping(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("dockerd did not come up: %w\n%s", context.Cause(ctx), tail(n.Log()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Kill is a power loss: everything in the node dies at once, its network card is gone, the disk
// stays.
func (n *Node) Kill() error {
	if !killCgroup(n.cgroup()) {
		return fmt.Errorf("%s: processes %v do not die", n.Name, processes(n.cgroup()))
	}
	// The cable goes with the network namespace, a moment later; a new one must not meet the old
	// one's name.
	if !until(10*time.Second, func() bool { return !n.cabled() }) {
		return fmt.Errorf("%s: its network namespace does not end", n.Name)
	}
	return nil
}

// Crash kills dockerd and its containerd; the containers live on.
func (n *Node) Crash() error {
	for _, pid := range processes(n.cgroup()) {
		if name := comm(pid); name == "dockerd" || name == "containerd" {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return n.waitStopped()
}

// Stop ends dockerd as a shutdown does: its containers are stopped.
func (n *Node) Stop() error {
	if pid := n.dockerd(); pid != 0 {
		syscall.Kill(pid, syscall.SIGTERM)
	}
	return n.waitStopped()
}

func (n *Node) waitStopped() error {
	if !until(60*time.Second, func() bool { return n.dockerd() == 0 }) {
		return fmt.Errorf("%s: dockerd does not end", n.Name)
	}
	return nil
}

// Freeze stops all processes of the node, as a machine that hangs; Thaw lets them go on.
func (n *Node) Freeze() error { return freeze(n.cgroup(), true) }

// Thaw ends Freeze.
func (n *Node) Thaw() error { return freeze(n.cgroup(), false) }

// Cut unplugs the node's network cable. Its Socket works on.
func (n *Node) Cut() error { return ip(n.lab.switchPID(), "link set %s down", n.Name) }

// Heal plugs it in again.
func (n *Node) Heal() error { return ip(n.lab.switchPID(), "link set %s up", n.Name) }

func (n *Node) cabled() bool {
	return ip(n.lab.switchPID(), "link show %s", n.Name) == nil
}

// State is "on", "off" or "dockerd down", for people.
func (n *Node) State() string {
	switch {
	case n.pid() == 0:
		return "off"
	case n.dockerd() == 0:
		return "dockerd down"
	}
	return "on"
}
