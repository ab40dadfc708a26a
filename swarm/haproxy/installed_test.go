package haproxy

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// installed is one HAProxy to test with.
type installed struct {
	name string
	// root is the directory that holds its files as an image does; empty for the machine's own.
	root string
}

// haproxies returns every HAProxy to test with: those in the root directories that HAPROXY_ROOTS
// lists with colons between them, else the one in PATH.
func haproxies(t testing.TB) []installed {
	t.Helper()
	var found []installed
	for _, root := range filepath.SplitList(os.Getenv("HAPROXY_ROOTS")) {
		needNull(t, root)
		found = append(found, installed{name: filepath.Base(root), root: root})
	}
	if len(found) > 0 {
		return found
	}
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Fatal("no HAProxy to test with: install the package haproxy, or set HAPROXY_ROOTS to unpacked haproxy images")
	}
	return []installed{{name: "PATH"}}
}

// needNull puts /dev/null into a root directory: HAProxy does not start without it, and an image
// has none.
func needNull(t testing.TB, root string) {
	t.Helper()
	const null = 1<<8 | 3 // the device's major and minor numbers
	err := os.MkdirAll(filepath.Join(root, "dev"), 0o755)
	if err == nil {
		err = syscall.Mknod(filepath.Join(root, os.DevNull), syscall.S_IFCHR|0o666, null)
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatalf("%s in %s: %v", os.DevNull, root, err)
	}
}

// eachHAProxy runs a test with every HAProxy.
func eachHAProxy(t *testing.T, test func(*testing.T, installed)) {
	t.Parallel()
	for _, h := range haproxies(t) {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

// dir writes files to a new directory and returns its path as HAProxy sees it.
func (h installed) dir(t testing.TB, files func(dir string) map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Join(h.root, os.TempDir()), "bluegreen")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	inside := strings.TrimPrefix(dir, strings.TrimSuffix(h.root, "/"))
	for name, content := range files(inside) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return inside
}

// command makes a command as a container would run it: argv as the package gives it, with the files
// in dir.
func (h installed) command(argv []string, dir string, env ...string) *exec.Cmd {
	argv = append([]string(nil), argv...)
	for i := range argv {
		argv[i] = strings.Replace(argv[i], Dir, dir, 1)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	// A test that is killed leaves no proxy behind: the next one would share its ports.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if h.root != "" {
		cmd.Path, cmd.Err = "/usr/local/sbin/haproxy", nil
		cmd.SysProcAttr.Chroot = h.root
		cmd.Dir = "/"
	}
	return cmd
}
