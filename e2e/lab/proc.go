//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// identity names a process beyond the reuse of its id: "PID starttime", or "" if there is none.
func identity(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fmt.Sprintf("%d %s", pid, fields[19])
}

// alive tells whether the process of an identity still runs.
func alive(id string) bool {
	first, _, _ := strings.Cut(id, " ")
	pid, err := strconv.Atoi(first)
	return err == nil && identity(pid) == id
}

// writePID and readPID keep the id of a process of the lab; readPID is 0 when that process is gone.
func writePID(file string, pid int) error {
	return os.WriteFile(file, []byte(identity(pid)), 0o644)
}

func readPID(file string) int {
	b, err := os.ReadFile(file)
	if err != nil || !alive(string(b)) {
		return 0
	}
	pid, _ := strconv.Atoi(strings.Fields(string(b))[0])
	return pid
}

func comm(pid int) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	return strings.TrimSpace(string(b))
}

// run executes a command with text as its input, and puts what it printed into the error.
func run(stdin string, args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// tail is the end of a log file, for errors.
func tail(file string) string {
	b, _ := os.ReadFile(file)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// until polls a condition of the machine that no event tells of, every 10 ms.
func until(limit time.Duration, done func() bool) bool {
	for deadline := time.Now().Add(limit); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}
