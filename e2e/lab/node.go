//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/docker/docker/client"
)

// Node is one machine of the lab.
type Node struct {
	Name    string // n1, n2, …; also its hostname
	Manager bool   // joined as a manager

	lab    *Lab
	number int
}

// IP is the node's address in the lab; it can be reached from the machine itself, on published
// host-mode ports for example.
func (n *Node) IP() string { return n.lab.ip(n.number) }

// Socket is the path of dockerd's socket. It works from anywhere on the machine, also while the
// node is cut off.
func (n *Node) Socket() string { return n.file("docker.sock") }

// Host is Socket as a value of DOCKER_HOST.
func (n *Node) Host() string { return "unix://" + n.Socket() }

// Log is the file with the output of the node's dockerd.
func (n *Node) Log() string { return n.file("dockerd.log") }

// Client is a new client of the node's dockerd, to be closed by the caller.
func (n *Node) Client() (*client.Client, error) {
	return client.NewClientWithOpts(client.WithHost(n.Host()), client.WithAPIVersionNegotiation())
}

// Docker runs the docker command line against the node and returns what it printed on stdout,
// trimmed; stderr is in the error.
func (n *Node) Docker(ctx context.Context, args ...string) (string, error) {
	return output(exec.CommandContext(ctx, "docker", append([]string{"-H", n.Host()}, args...)...))
}

// Exec runs a command of the machine inside the node: with its network, hostname, processes and
// control groups.
func (n *Node) Exec(ctx context.Context, args ...string) (string, error) {
	pid := n.pid()
	if pid == 0 {
		return "", fmt.Errorf("%s is off", n.Name)
	}
	enter := []string{"-t", strconv.Itoa(pid), "-m", "-u", "-i", "-n", "-p", "-C", "--", "env", "DOCKER_HOST=" + n.Host()}
	return output(exec.CommandContext(ctx, "nsenter", append(enter, args...)...))
}

// Netns is the file of the node's network namespace, for setns(2): what listens there on a loopback
// address is on the node's own loopback. It is another one when the node was off in between.
func (n *Node) Netns() string { return fmt.Sprintf("/proc/%d/ns/net", n.pid()) }

// Load loads docker-archive files, as the images of docker save.
func (n *Node) Load(ctx context.Context, tars ...string) error {
	c, err := n.Client()
	if err != nil {
		return err
	}
	defer c.Close()
	var wg sync.WaitGroup
	errs := make([]error, len(tars))
	for i, tar := range tars {
		wg.Go(func() { errs[i] = loadImage(ctx, c, tar) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (n *Node) file(name string) string { return filepath.Join(n.lab.dir(), n.Name, name) }
func (n *Node) cgroup() string          { return n.lab.Name + "/" + n.Name }
func (n *Node) pid() int                { return readPID(n.file("init.pid")) } // of process 1; 0 when the node is off

// dockerd is the process id of the node's dockerd, 0 if it does not run.
func (n *Node) dockerd() int {
	for _, pid := range processes(n.cgroup()) {
		if comm(pid) == "dockerd" && identity(pid) != "" {
			return pid
		}
	}
	return 0
}

func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "DOCKER_CONTEXT=")
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), err
}
