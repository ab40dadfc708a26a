//go:build linux

// Command ingress runs what the kernel of many machines cannot: ports of the ingress mesh and
// virtual addresses, which need IPVS. It boots User Mode Linux, whose kernel has it, with an engine
// of Debian's, and runs a scenario in it: a stack with an ordinary published port becomes
// blue-green, flips, gets other proxies and is given back, without a failed request from outside
// through the mesh or through Traefik, or from inside through the virtual address. Run it with make
// test-ingress.
//
// What the machine lacks is installed from Debian's packages; the root filesystem is made once,
// below the user's cache directory, and nothing else is left.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

// runTime is how long the virtual machine may run; it has one slow CPU.
const runTime = 30 * time.Minute

func main() {
	inside := flag.Bool("inside", false, "run the scenario here: this is the virtual machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	run := outside
	if *inside {
		run = scenario
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "test-ingress:", err)
		os.Exit(1)
	}
}

// outside makes the virtual machine and runs this program in it.
func outside(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("a root filesystem is made: run it as root")
	}
	packages := map[string]string{"linux.uml": "user-mode-linux", "debootstrap": "debootstrap", "mkfs.ext4": "e2fsprogs"}
	if err := lab.Install(packages); err != nil {
		return err
	}
	disk, err := disk(ctx)
	if err != nil {
		return err
	}
	share, err := os.MkdirTemp("", "bluegreen-ingress-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(share)
	if err := fill(ctx, share); err != nil {
		return err
	}
	return boot(ctx, disk, share)
}

// fill puts into the shared folder what the scenario needs: this program, the plugin and the
// images.
func fill(ctx context.Context, share string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, "cp", self, filepath.Join(share, "ingress")).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", self, err, out)
	}
	plugin := filepath.Join(share, "docker", "cli-plugins", "docker-bluegreen")
	if out, err := exec.CommandContext(ctx, "make", "-s", "build", "PLUGIN="+plugin).CombinedOutput(); err != nil {
		return fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	router := filepath.Join(share, "traefik")
	build := exec.CommandContext(ctx, "go", "build", "-C", "e2e/traefik", "-trimpath", "-o", router, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the router: %w\n%s", err, out)
	}
	images := filepath.Join(share, "images")
	if _, err := image.Build(ctx, images, oldProxy, newProxy, "app:v1", "app:v2", "app:v3"); err != nil {
		return err
	}
	_, err = image.FromBinary(images, "router:traefik", router)
	return err
}
