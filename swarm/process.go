package swarm

import (
	"bytes"
	"fmt"
	"os"
	"os/user"
	"strings"
)

// owner tells people who holds the lock.
func owner() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	return fmt.Sprintf("%s@%s (pid %d)", name, host, os.Getpid())
}

// thisProcess identifies this process on this boot of this machine, for processEnded. It is empty
// where the system does not tell (other than Linux): then only the heartbeat counts.
func thisProcess() string { return process(os.Getpid()) }

func process(pid int) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return fmt.Sprintf("%s %s %d ended", bytes.TrimSpace(boot), namespace, pid)
	}
	// The start time is field 22; the name before it, in brackets, may hold anything. See proc(5).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if fields[0] == "Z" {
		return fmt.Sprintf("%s %s %d ended", bytes.TrimSpace(boot), namespace, pid)
	}
	return fmt.Sprintf("%s %s %d %s", bytes.TrimSpace(boot), namespace, pid, fields[19])
}

// processEnded says whether a process, as thisProcess wrote it down, ran here and has ended.
func processEnded(id string) bool {
	here, there := strings.Fields(process(os.Getpid())), strings.Fields(id)
	if len(here) != 4 || len(there) != 4 || here[0] != there[0] || here[1] != there[1] {
		return false
	}
	var pid int
	if _, err := fmt.Sscan(there[2], &pid); err != nil {
		return false
	}
	return process(pid) != id
}
