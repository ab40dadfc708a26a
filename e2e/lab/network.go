//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The lab's network is one bridge in a network namespace of its own, the switch, which lives as
// long as the switch process. Every cable (veth pair) has an end there, so that all of them are
// gone when that process is.
func (l *Lab) startSwitch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	h := helper{role: "switch", args: []string{l.Name}, flags: syscall.CLONE_NEWNET, log: l.file("switch.log"), pid: l.file("switch.pid")}
	if l.Owner == "" {
		w.Close()
	} else {
		l.lifeline, h.stdin = w, r
	}
	pid, err := h.start()
	if err != nil {
		return err
	}
	err = ip(pid, `
		link set lo up
		link add br0 type bridge stp_state 0 forward_delay 0
		link set br0 up
		addr add %[1]s/24 dev br0
		link add host type veth peer name %[2]s netns %[3]d
		link set host master br0 up`, l.ip(253), hostLink(l.Name), os.Getpid())
	if err != nil {
		return err
	}
	return ip(os.Getpid(), `
		addr add %[1]s/24 dev %[2]s
		link set %[2]s up`, l.ip(254), hostLink(l.Name))
}

// plug gives a node that was switched on its network card. Nothing leaves the lab, and attempts
// fail at once.
func (n *Node) plug(pid int) error {
	err := ip(n.lab.switchPID(), `
		link add %[1]s type veth peer name eth0 netns %[2]d
		link set %[1]s master br0 up`, n.Name, pid)
	if err != nil {
		return err
	}
	return ip(pid, `
		link set lo up
		addr add %s/24 dev eth0
		link set eth0 up
		route add unreachable default`, n.IP())
}

// ip runs commands of ip(8) in the network namespace of a process.
func ip(pid int, format string, args ...any) error {
	return run(fmt.Sprintf(format, args...), "nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "-batch", "-")
}

func (l *Lab) switchPID() int          { return readPID(l.file("switch.pid")) }
func (l *Lab) file(name string) string { return filepath.Join(l.dir(), name) }
