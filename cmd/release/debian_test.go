//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

// On a fresh Debian with nothing but its docker command, the deb works, and leaves nothing behind.
func TestDebian(t *testing.T) {
	if err := lab.Install(map[string]string{"debootstrap": "debootstrap"}); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "debian")
	if err := image.FreshDebian(t.Context(), root, "docker-cli"); err != nil {
		t.Fatal(err)
	}
	in := func(args ...string) string { t.Helper(); return output(t, inside(root, args...)) }
	const deb = "docker-bluegreen_9.8.7-1_amd64.deb"
	if err := os.WriteFile(filepath.Join(root, "root", deb), read(t, site.path(deb)), 0o644); err != nil {
		t.Fatal(err)
	}
	in("apt-get", "--version") // and what apt makes when it is first used
	before := snapshot(t, root)

	in("apt-get", "install", "-y", "/root/"+deb)
	if got := in("docker", "bluegreen", "version", "--format", "{{.Version}} {{.Platform}}"); got != "v9.8.7 linux/amd64\n" {
		t.Errorf("docker bluegreen version: %q", got)
	}
	if got := in("docker", "--help"); !strings.Contains(got, "\n  bluegreen*  Blue-green deployments on Docker Swarm\n") {
		t.Errorf("docker --help: %s", got)
	}
	// The completion of the docker command asks the plugin, in every shell.
	if got := in("docker", "__complete", "bluegreen", "fl"); !strings.HasPrefix(got, "flip\t") {
		t.Errorf("docker bluegreen fl<Tab> completes %q", got)
	}
	if got := in("dpkg", "--verify", "docker-bluegreen"); got != "" {
		t.Errorf("changed files: %s", got)
	}

	in("apt-get", "purge", "-y", "docker-bluegreen")
	if got := snapshot(t, root); !slices.Equal(got, before) {
		t.Errorf("left behind: %q, missing: %q", without(got, before), without(before, got))
	}
	if out, err := inside(root, "docker", "bluegreen", "version").CombinedOutput(); err == nil {
		t.Errorf("docker bluegreen is still there: %s", out)
	}
}

// inside is a command of the system in a folder.
func inside(root string, args ...string) *exec.Cmd {
	cmd := exec.Command("chroot", append([]string{root}, args...)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	return cmd
}

// snapshot are all files of a system with their rights and sizes, but for logs, and what apt and
// dpkg keep for themselves: their caches, and the former state of dpkg.
func snapshot(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		if slices.Contains([]string{"/var/log", "/var/cache", "/var/lib/apt", "/proc"}, name) {
			return filepath.SkipDir
		}
		if strings.HasPrefix(name, "/var/lib/dpkg/") && strings.HasSuffix(name, "-old") {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := name + " " + info.Mode().String()
		if info.Mode().IsRegular() {
			line += fmt.Sprint(" ", info.Size())
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// without are the lines of a that b lacks.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(line string) bool { return slices.Contains(b, line) })
}
