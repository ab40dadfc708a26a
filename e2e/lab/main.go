//go:build linux

package lab

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// roleEnv tells a re-executed binary what it is to be, and of which lab.
const roleEnv = "SWARMLAB_ROLE"

var hooked bool

// Main must be the first call of TestMain (or main) of every binary that starts labs. The processes
// that hold a lab together are this same binary: in them Main does not return.
func Main() {
	hooked = true
	role := os.Getenv(roleEnv)
	if role == "" {
		return
	}
	os.Unsetenv(roleEnv)
	roles := map[string]func([]string) error{"init": initMain, "switch": switchMain, "wire": wireMain}
	if err := roles[role](os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// helper is a process of the lab that is not dockerd.
type helper struct {
	role  string
	args  []string
	flags uintptr // namespaces to be made for it
	log   string
	stdin *os.File // may be nil
	pid   string   // file that keeps its id
}

// start runs this binary in a role, in a session of its own, and returns when it has reported that
// it is ready.
func (h helper) start() (pid int, err error) {
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	cmd := exec.Command("/proc/self/exe", h.args...)
	cmd.Args[0] = "swarmlab-" + h.role
	cmd.Env = append(os.Environ(), roleEnv+"="+h.role)
	cmd.Stdout, cmd.Stderr = log, log
	if h.stdin != nil {
		cmd.Stdin = h.stdin
	}
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: h.flags}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", h.role, err)
	}
	go cmd.Wait() // no zombie while this process lives
	if word, _ := io.ReadAll(r); string(word) != "ready" {
		return 0, fmt.Errorf("%s process failed: %s", h.role, tail(h.log))
	}
	return cmd.Process.Pid, writePID(h.pid, cmd.Process.Pid)
}

// reportReady is the other end of start.
func reportReady() error {
	f := os.NewFile(3, "ready")
	defer f.Close()
	_, err := f.WriteString("ready")
	return err
}

// cleanPath finds the tools of iproute2 and iptables also where PATH is that of a user.
func cleanPath(engineDir string) string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	return strings.TrimPrefix(engineDir+string(filepath.ListSeparator)+path, ":")
}
