//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	debian "github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

//go:embed init.sh
var initScript []byte

// The machine is a Debian with its engine, and what the engine needs of the kernel's tools.
const (
	suite    = "trixie"
	packages = "docker.io,docker-cli,containerd,runc,iptables,iproute2,kmod,ca-certificates,procps"
	memory   = "2048M"
	modules  = "/usr/lib/uml/modules"
)

// disk returns the image of the root filesystem, and makes it when there is none: a few minutes.
func disk(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	kernels, err := filepath.Glob(modules + "/*") // its modules must be those of the kernel that boots
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(suite + packages + string(initScript) + strings.Join(kernels, "")))
	dir := filepath.Join(cache, "docker-bluegreen-e2e", "vm")
	image := filepath.Join(dir, suite+"-"+hex.EncodeToString(sum[:6])+".ext4")
	if _, err := os.Stat(image); err == nil {
		return image, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	root, err := os.MkdirTemp(dir, "root-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(root)
	if err := os.Chmod(root, 0o755); err != nil {
		return "", err
	}
	fmt.Fprintf(os.Stderr, "making the virtual machine's filesystem (Debian %s), once\n", suite)
	if err := tool(ctx, "debootstrap", "--variant=minbase", "--include="+packages, suite, root, debian.Mirror()); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(root, "usr/sbin/vm-init"), initScript, 0o755); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(root, "usr/lib/modules"), 0o755); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"sh", "-c", "rm -rf " + root + "/var/cache/apt/archives/*.deb " + root + "/var/lib/apt/lists/*"},
		{"cp", "-a", modules + "/.", filepath.Join(root, "usr/lib/modules")},
		{"truncate", "-s", "4G", image + ".new"},
		{"mkfs.ext4", "-q", "-F", "-d", root, "-E", "lazy_itable_init=1", image + ".new"},
	} {
		if err := tool(ctx, args[0], args[1:]...); err != nil {
			return "", errors.Join(err, os.RemoveAll(image+".new"))
		}
	}
	return image, os.Rename(image+".new", image)
}

func tool(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("%s: %w\n%s", name, err, strings.Join(lines[max(0, len(lines)-10):], "\n"))
	}
	return nil
}

// boot runs the machine until it powers off, and returns what became of the program in it. Writes
// to the disk go to a file of this run.
func boot(ctx context.Context, disk, share string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, runTime, fmt.Errorf("the virtual machine did not end within %s", runTime))
	defer cancel()
	cow := filepath.Join(share, "cow")
	cmd := exec.CommandContext(ctx, "linux.uml", "mem="+memory, "ubd0="+cow+","+disk, "root=/dev/ubda", "rw", "init=/usr/sbin/vm-init",
		"con0=null,fd:1", "con=null", "ssl=null", "quiet", "uml_dir="+share+"/", "vm.share="+share, fmt.Sprintf("vm.date=%d", time.Now().Unix()))
	cmd.Env = append(os.Environ(), "TMPDIR=/dev/shm") // the machine's memory is a file there
	cmd.Stdout, cmd.Stderr = os.Stdout, io.Discard
	cmd.SysProcAttr = ownGroup
	cmd.Cancel = func() error { return endGroup(cmd.Process.Pid) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	code, readErr := os.ReadFile(filepath.Join(share, "exit"))
	switch {
	case readErr != nil:
		return fmt.Errorf("the virtual machine ended before the scenario did: %w", errors.Join(err, readErr))
	case strings.TrimSpace(string(code)) != "0":
		return fmt.Errorf("the scenario failed with exit code %s: see above", strings.TrimSpace(string(code)))
	}
	return nil
}
