//go:build linux

package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// freshSuite is the release of Debian that a fresh system has: the stable one.
const freshSuite = "trixie"

// FreshDebian makes dir a fresh Debian system, as debootstrap makes it, with more packages if they
// are named. It can be run with chroot. It needs root and debootstrap. The system is kept in the
// cache for a day; without a network, longer.
func FreshDebian(ctx context.Context, dir string, packages ...string) error {
	base, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	c := cache(filepath.Join(base, "docker-bluegreen-e2e"))
	if err := os.MkdirAll(string(c), 0o755); err != nil {
		return err
	}
	archive := c.file("debian_" + strings.Join(slices.Concat([]string{freshSuite}, packages), "_") + ".tar")
	info, statErr := os.Stat(archive)
	if statErr != nil || time.Since(info.ModTime()) > fresh {
		if err := bootstrap(ctx, archive, packages); err != nil && statErr != nil {
			return err
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "debian: taking the system of an earlier run:", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return command(exec.CommandContext(ctx, "tar", "-C", dir, "--numeric-owner", "-xpf", archive))
}

// bootstrap writes a new system to an archive.
func bootstrap(ctx context.Context, archive string, packages []string) error {
	dir, err := os.MkdirTemp("", "bluegreen-debian-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root, packed := filepath.Join(dir, "root"), archive+".new"
	args := []string{"--variant=minbase", "--keyring=" + keyring}
	if len(packages) > 0 {
		args = append(args, "--include="+strings.Join(packages, ","))
	}
	if err := command(exec.CommandContext(ctx, "debootstrap", append(args, freshSuite, root, Mirror())...)); err != nil {
		return err
	}
	if err := command(exec.CommandContext(ctx, "tar", "-C", root, "--numeric-owner", "-cpf", packed, ".")); err != nil {
		return err
	}
	return os.Rename(packed, archive)
}
