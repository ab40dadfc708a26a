package swarm

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// owner tells people who holds the lock.
func owner() string { return fmt.Sprintf("%s (pid %d)", Person(), os.Getpid()) }

// Person is the user and the machine that a command runs as and on, such as ann@desk.
func Person() string {
	name := cmp.Or(os.Getenv("USER"), "unknown")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return name + "@" + host
}

// processes are those of this machine, as its /proc shows them.
type processes struct {
	proc    string
	machine func() string // this boot of this machine, and the namespace of our processes: read once
}

func processesOf(proc string) processes {
	return processes{proc, sync.OnceValue(func() string { return machine(proc) })}
}

var ours = processesOf("/proc")

// thisProcess identifies this process on this boot of this machine, for processEnded. It is empty
// where the system does not tell (other than Linux): then only the heartbeat counts.
var thisProcess = sync.OnceValue(func() string { return ours.identity(os.Getpid()) })

// processEnded says whether a process, as thisProcess wrote it down, ran here and has ended.
func processEnded(id string) bool { return ours.ended(id) }

// identity is the boot, the namespace, the number and the start time of a process.
func (p processes) identity(pid int) string {
	here := p.machine()
	start, zombie := p.start(pid)
	if here == "" || start == "" || zombie {
		return ""
	}
	return fmt.Sprintf("%s %d %s", here, pid, start)
}

// machine is this boot of this machine, and the namespace of our processes.
func machine(proc string) string {
	boot, err := os.ReadFile(proc + "/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink(proc + "/self/ns/pid")
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %s", bytes.TrimSpace(boot), namespace)
}

// start is the start time of a process in clock ticks since the boot, empty where it cannot be
// read.
func (p processes) start(pid int) (ticks string, zombie bool) {
	stat, err := os.ReadFile(fmt.Sprintf("%s/%d/stat", p.proc, pid))
	if err != nil {
		return "", false
	}
	// The start time is field 22; the name before it, in brackets, may hold anything. See proc(5).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields[19], fields[0] == "Z"
}

// ended is false where that cannot be told: /proc may hide the processes of other users (its
// option hidepid), and what is hidden may live.
func (p processes) ended(id string) bool {
	fields := strings.Fields(id)
	if len(fields) != 4 || strings.Join(fields[:2], " ") != p.machine() {
		return false
	}
	pid, err := strconv.Atoi(fields[2])
	if err != nil || pid <= 0 {
		return false
	}
	if start, zombie := p.start(pid); start != "" {
		return zombie || start != fields[3]
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = process.Release() }()
	return errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
