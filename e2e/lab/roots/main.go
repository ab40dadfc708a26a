//go:build linux

// Command roots runs a command with HAPROXY_ROOTS set: directories, made for it and removed again,
// with the HAProxy versions that it is to be tested with. PROMETHEUS is the program of that name.
//
//	go run ./e2e/lab/roots 2.6 newest -- go test ./swarm/haproxy
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

func main() {
	err := run(os.Args[1:])
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(max(exit.ExitCode(), 1))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "roots:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	split := slices.Index(args, "--")
	if split < 1 || split == len(args)-1 {
		return errors.New("usage: roots VERSION... -- COMMAND [ARG...]")
	}
	if err := lab.Ready(); err != nil { // chroot needs root; some tests run the docker command line
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	dir, err := os.MkdirTemp("", "haproxy-roots-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	roots, err := image.HAProxyRoots(ctx, dir, args[:split]...)
	if err != nil {
		return err
	}
	prometheus, err := image.Prometheus(ctx, filepath.Join(dir, "prometheus"))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, args[split+1], args[split+2:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "HAPROXY_ROOTS="+strings.Join(roots, ":"), "PROMETHEUS="+prometheus)
	return cmd.Run()
}
