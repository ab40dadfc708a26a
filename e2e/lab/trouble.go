//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Limit gives all that runs on the node at most so many cores, as 0.3; 0 is no limit.
func (n *Node) Limit(cores float64) error {
	const period = 100_000 // µs
	quota, limit := "-1", fmt.Sprintf("max %d", period)
	if cores > 0 {
		quota = strconv.Itoa(int(cores * period))
		limit = fmt.Sprintf("%s %d", quota, period)
	}
	all, err := hierarchies()
	if err != nil {
		return err
	}
	var dirs []string
	for _, h := range all {
		dirs = append(dirs, filepath.Join(h.dir, cgroupBase, n.cgroup()))
	}
	return set(dirs, map[string]string{"cpu.cfs_quota_us": quota, "cpu.max": limit}, "cpu") // of v1 and v2
}

// Lose drops a share of the packets that reach the node, at random: 0.05 is 5 %, 0 ends it.
func (n *Node) Lose(share float64) error {
	const rule = "*raw\n:PREROUTING ACCEPT [0:0]\n%sCOMMIT\n"
	drop := ""
	if share > 0 {
		drop = fmt.Sprintf("-A PREROUTING -i eth0 -m statistic --mode random --probability %.4f -j DROP\n", share)
	}
	return run(fmt.Sprintf(rule, drop), "nsenter", "-t", strconv.Itoa(n.pid()), "-n", "iptables-restore", "--table", "raw")
}

// FillDisk leaves no room on the disk that has the node's swarm state, which must have a size of
// its own (see Options.Disk).
func (n *Node) FillDisk() error {
	f, err := os.Create(n.filler())
	if err != nil {
		return err
	}
	defer f.Close()
	for zeros := make([]byte, 1<<20); len(zeros) > 0; zeros = zeros[:len(zeros)/2] {
		for err == nil {
			_, err = f.Write(zeros)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		err = nil
	}
	return nil
}

// EmptyDisk ends FillDisk.
func (n *Node) EmptyDisk() error { return os.Remove(n.filler()) }

// swarmState is where dockerd keeps what it knows of the swarm.
const swarmState = "/var/lib/docker/swarm"

// filler is a file of the node, seen from the machine.
func (n *Node) filler() string {
	return fmt.Sprintf("/proc/%d/root%s/filler", n.pid(), swarmState)
}

// Delay lets each packet from the node and to it take that much longer, until Undelay or until the
// node loses its power. The kernel's netem does the same and is not everywhere.
func (n *Node) Delay(d time.Duration) error {
	h := helper{role: "wire", args: []string{n.lab.Name, n.Name, d.String()}, log: n.file("wire.log"), pid: n.file("wire.pid")}
	_, err := h.start()
	return err
}

// Undelay ends Delay.
func (n *Node) Undelay() error {
	if err := syscall.Kill(readPID(n.file("wire.pid")), syscall.SIGKILL); err != nil {
		return err
	}
	return ip(n.lab.switchPID(), "link set %[1]s master br0\nlink del %[1]s-br", n.Name)
}

// wireMain takes a node's cable out of the switch and carries its packets there and back, each
// after a delay. args: lab, node, delay.
//
// The cable goes to a bridge of its own. Two network cards that this process reads and writes, one
// on that bridge and one on the switch, are the wire.
func wireMain(args []string) error {
	l, err := Open(args[0])
	if err != nil {
		return err
	}
	delay, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	if err := joinCgroup(l.Name + "/wire"); err != nil {
		return err
	}
	near, err := l.openTap(args[1] + "-a")
	if err != nil {
		return err
	}
	far, err := l.openTap(args[1] + "-b")
	if err != nil {
		return err
	}
	err = ip(l.switchPID(), `
		link add %[1]s-br type bridge stp_state 0 forward_delay 0
		link set %[1]s-br up
		link set %[1]s master %[1]s-br
		link set %[1]s-a master %[1]s-br up
		link set %[1]s-b master br0 up`, args[1])
	if err != nil {
		return err
	}
	if err := reportReady(); err != nil {
		return err
	}
	go carry(near, far, delay)
	return carry(far, near, delay)
}

// openTap makes a network card in the switch whose packets this process reads and writes. It ends
// with the process.
func (l *Lab) openTap(name string) (tap *os.File, err error) {
	err = inNetwork(fmt.Sprintf("/proc/%d/ns/net", l.switchPID()), func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("/dev/net/tun: %w", err)
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
			return fmt.Errorf("network card %s: %w", name, err)
		}
		tap = os.NewFile(uintptr(fd), name)
		return nil
	})
	return tap, err
}

// inNetwork runs f in a network namespace, given by its file. What f opens stays there.
func inNetwork(file string, f func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer own.Close()
	other, err := os.Open(file)
	if err != nil {
		return err
	}
	defer other.Close()
	if err := unix.Setns(int(other.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = f()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
		return errors.Join(err, back) // the thread stays locked, and ends with the goroutine
	}
	runtime.UnlockOSThread()
	return err
}

// held is a packet on its way.
type held struct {
	due    time.Time
	packet []byte
}

// carry reads packets and writes them after a delay, in their order.
func carry(from, to *os.File, delay time.Duration) error {
	way := make(chan held, 10_000) // enough for the delay at the speed of these machines; more waits in the kernel
	go func() {
		for h := range way {
			time.Sleep(time.Until(h.due))
			_, _ = to.Write(h.packet) // as on a wire, a packet may be lost
		}
	}()
	for packet := make([]byte, 65_536); ; {
		n, err := from.Read(packet)
		if err != nil {
			return err
		}
		way <- held{time.Now().Add(delay), slices.Clone(packet[:n])}
	}
}
