//go:build linux

package lab

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// initMain is process 1 of a node, in new mount, UTS, IPC, PID and network namespaces: it finishes
// them, then starts dockerd each time that it gets SIGUSR1 and reaps what its children leave. args:
// lab, node, engine directory or "", size of a disk of its own for the swarm's state or "".
func initMain(args []string) error {
	runtime.LockOSThread() // the cgroup namespace belongs to a thread, and so to the children that this thread starts
	dir, engine := filepath.Join(root, args[0], args[1]), args[2]
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGCHLD)
	if err := joinCgroup(args[0] + "/" + args[1]); err != nil {
		return err
	}
	if err := syscall.Unshare(syscall.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("unshare cgroup: %w", err)
	}
	if err := syscall.Sethostname([]byte(args[1])); err != nil {
		return err
	}
	if err := setUpMounts(dir, engine, args[3]); err != nil {
		return err
	}
	if err := reportReady(); err != nil {
		return err
	}
	return supervise(signals, dir, engine)
}

func supervise(signals <-chan os.Signal, dir, engine string) error {
	dockerd, wanted := 0, false
	for s := range signals {
		wanted = wanted || s == syscall.SIGUSR1
		for { // first: the one that is to be started again may be ending just now
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if err != nil || pid <= 0 {
				break
			}
			if pid == dockerd {
				dockerd = 0
			}
		}
		if wanted && dockerd == 0 {
			wanted = false
			pid, err := startDockerd(dir, engine)
			if err != nil {
				fmt.Println("dockerd:", err)
			}
			dockerd = pid
		}
	}
	return nil
}

func startDockerd(dir, engine string) (pid int, err error) {
	log, err := os.OpenFile(filepath.Join(dir, "dockerd.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	path := cleanPath(engine)
	args := []string{"dockerd", "-H", "unix://" + filepath.Join(dir, "docker.sock")}
	if proxy := filepath.Join(engine, "docker-proxy"); engine != "" && exists(proxy) {
		args = append(args, "--userland-proxy-path="+proxy)
	}
	program, err := lookPath(path, "dockerd")
	if err != nil {
		return 0, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	return syscall.ForkExec(program, args, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=" + path, "HOME=/root", "DOCKER_MIN_API_VERSION=1.24"}, // engine 29 refuses older clients otherwise
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
}

func lookPath(path, program string) (string, error) {
	for _, d := range strings.Split(path, ":") {
		if f := filepath.Join(d, program); exists(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("no %s in %s", program, path)
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}
