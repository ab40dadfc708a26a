//go:build linux

package lab

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// ServeSSH lets DOCKER_HOST=ssh://root@IP reach the node's engine until ctx ends. It runs what the
// client asks for, as sshd does, and wants no key. It returns the directory of a command ssh that
// believes any server: put it first in PATH.
func (n *Node) ServeSSH(ctx context.Context) (bin string, err error) {
	listener, err := n.listen("22")
	if err != nil {
		return "", err
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", err
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return "", err
	}
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	context.AfterFunc(ctx, func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go n.serveSSH(ctx, conn, config)
		}
	}()
	return n.sshCommand()
}

// listen listens on a port of the node's address, from this process.
func (n *Node) listen(port string) (listener net.Listener, err error) {
	err = inNetwork(n.Netns(), func() (err error) {
		listener, err = net.Listen("tcp4", net.JoinHostPort(n.IP(), port))
		return err
	})
	return listener, err
}

// sshCommand writes the command ssh: the machine's, without its configuration.
func (n *Node) sshCommand() (dir string, err error) {
	program, err := exec.LookPath("ssh")
	if err != nil {
		return "", err
	}
	dir = n.file("bin")
	script := "#!/bin/sh\nexec " + program + " -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR \"$@\"\n"
	return dir, errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "ssh"), []byte(script), 0o755))
}

func (n *Node) serveSSH(ctx context.Context, conn net.Conn, config *ssh.ServerConfig) {
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "")
			continue
		}
		if channel, requests, err := c.Accept(); err == nil {
			go n.session(ctx, channel, requests)
		}
	}
}

// session runs the command of a session (RFC 4254, 6.5) on the machine, with the node's engine.
func (n *Node) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for r := range requests {
		var command struct{ Line string }
		if r.Type != "exec" || ssh.Unmarshal(r.Payload, &command) != nil {
			_ = r.Reply(false, nil)
			continue
		}
		_ = r.Reply(true, nil)
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command.Line)
		cmd.Env = append(os.Environ(), "DOCKER_HOST="+n.Host(), "DOCKER_CONTEXT=")
		cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(stdin, channel)
			stdin.Close()
		}()
		_ = cmd.Run()
		status := binary.BigEndian.AppendUint32(nil, uint32(max(cmd.ProcessState.ExitCode(), 0)))
		_, _ = channel.SendRequest("exit-status", false, status)
		return
	}
}
