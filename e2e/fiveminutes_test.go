//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// The first five minutes of somebody who has a fresh Debian with the docker command, and a swarm:
// from the package to the rollback. It prints the seconds of each step.
func TestFiveMinutes(t *testing.T) {
	long(t)
	t.Parallel()
	const port = 8788
	s := newStack(t, quick(port))
	if err := lab.Install(map[string]string{"debootstrap": "debootstrap"}); err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "debian")
	if err := image.FreshDebian(t.Context(), root, "docker-cli"); err != nil {
		t.Fatal(err)
	}
	s.copyInto(root, filepath.Join(s.dir, "compose.yaml"))
	s.copyInto(root, makeDeb(t))

	var steps strings.Builder
	total := 0.0
	step := func(name, command string) result {
		t.Helper()
		cmd, out := s.inside(root, command)
		r := s.exits(s.finish(cmd, out, command), 0)
		seconds := r.ended.Sub(r.began).Seconds()
		total += seconds
		fmt.Fprintf(&steps, "%6.1f s  %s\n", seconds, name)
		return r
	}
	up := "docker bluegreen -p " + s.name + " up -c compose.yaml --resolve-image never" // there is no registry
	step("install the package", "apt-get install -y ./*.deb")
	s.says(step("docker bluegreen version", "docker bluegreen version"), "v0.0.5")
	step("up, the first release", "V=v1 "+up)
	l := s.load(port, load.Options{Rate: 50, KeepAlive: 0.5, Post: 0.3})
	await(t, l, "v1")
	step("up, a new release", "V=v2 "+up)
	s.settled(l, "v2")
	step("rollback", "docker bluegreen -p "+s.name+" rollback")
	s.settled(l, "v1")
	s.zeroFailed(l.Stop())
	step("down", "docker bluegreen -p "+s.name+" down")
	step("remove the package", "apt-get purge -y docker-bluegreen")
	if left := s.objects(); len(left) > 0 {
		t.Errorf("down left %v", left)
	}
	t.Logf("the first five minutes:\n%s%6.1f s  in all", steps.String(), total)
}

// makeDeb makes the package that a release has, and returns its file.
func makeDeb(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("go", "run", "-C", filepath.Join("..", "cmd", "release"), ".", "-version", "v0.0.5", "-epoch", "1700000000", "-out", dir, "-platforms", "linux/amd64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make the package: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages: %v, %v", found, err)
	}
	return found[0]
}

// copyInto puts a file into the home of a system's root.
func (s *stack) copyInto(root, file string) {
	s.t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "root", filepath.Base(file)), content, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// inside is a command line in the home of a system's root. The manager's socket is where docker
// looks for it. The mount is seen by this command alone, and goes with it.
func (s *stack) inside(root, command string) (*exec.Cmd, *bytes.Buffer) {
	const enter = `touch "$2/run/docker.sock" && mount --bind "$1" "$2/run/docker.sock" && exec chroot "$2" sh -c "cd /root && $3"`
	cmd := exec.Command("unshare", "--mount", "sh", "-c", enter, "enter", s.at.Socket(), root, command)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}
