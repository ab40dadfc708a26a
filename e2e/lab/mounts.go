//go:build linux

package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// setUpMounts gives a node its own /proc, /sys, control groups, /run and state of dockerd.
func setUpMounts(dir, engine, disk string) error {
	cgroups, err := hierarchies()
	if err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := dropMounts(dir, engine); err != nil {
		return err
	}
	m := &mounter{}
	m.mount("proc", "proc", "/proc", "")
	m.mount("sysfs", "sysfs", "/sys", "")
	m.cgroups(cgroups)
	m.mount("tmpfs", "run", "/run", "mode=755")
	for _, d := range []string{"/run/lock", "/var/lib/docker", "/etc/docker"} {
		m.keep(os.MkdirAll(d, 0o755))
	}
	m.bind(filepath.Join(dir, "data"), "/var/lib/docker")
	if disk != "" {
		m.keep(os.MkdirAll(swarmState, 0o700))
		m.keep(run("", "mount", "-o", "loop", filepath.Join(dir, "disk"), swarmState))
	}
	m.bind(filepath.Join(dir, "etc-docker"), "/etc/docker")
	m.bind(filepath.Join(dir, "hosts"), "/etc/hosts")
	m.bind(filepath.Join(dir, "resolv.conf"), resolvConf())
	return m.err
}

// mounter keeps the first error.
type mounter struct{ err error }

func (m *mounter) keep(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *mounter) mount(fstype, source, target, options string) {
	if m.err != nil {
		return
	}
	if err := syscall.Mount(source, target, fstype, 0, options); err != nil {
		m.err = fmt.Errorf("mount %s on %s: %w", fstype, target, err)
	}
}

func (m *mounter) bind(source, target string) {
	if m.err != nil {
		return
	}
	if err := syscall.Mount(source, target, "", syscall.MS_BIND, ""); err != nil {
		m.err = fmt.Errorf("bind %s to %s: %w", source, target, err)
	}
}

func (m *mounter) cgroups(all []hierarchy) {
	const at = "/sys/fs/cgroup"
	if all[0].v2() {
		m.mount("cgroup2", "cgroup", at, "")
		m.keep(os.Mkdir(at+"/init", 0o755)) // controllers can only be passed on by a group that holds no process itself
		m.keep(os.WriteFile(at+"/init/cgroup.procs", []byte("0"), 0))
		m.keep(delegate(at))
		return
	}
	m.mount("tmpfs", "cgroup_root", at, "mode=755")
	for _, h := range all {
		dir := filepath.Join(at, filepath.Base(h.dir))
		m.keep(os.Mkdir(dir, 0o755))
		m.mount("cgroup", "cgroup", dir, h.controllers)
	}
}

// dropMounts detaches the inherited copies of everything that belongs to other daemons. They would
// pin those daemons' network namespaces and container file systems for as long as the node lives.
func dropMounts(needed ...string) error {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	needed = append(needed, "/usr/local", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/var/lib", "/proc", "/dev", "/tmp")
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	slices.Reverse(lines)
	for _, line := range lines {
		at := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(strings.Fields(line)[4])
		keep := at == "/" || strings.HasPrefix(at, "/dev/") || slices.ContainsFunc(needed, func(path string) bool {
			return strings.HasPrefix(path+"/", at+"/")
		})
		if !keep {
			syscall.Unmount(at, syscall.MNT_DETACH) // best effort: what stays does no harm to the node itself
		}
	}
	return nil
}

// resolvConf is the file behind /etc/resolv.conf: often a link into /run, which is empty now.
func resolvConf() string {
	const file = "/etc/resolv.conf"
	target, err := os.Readlink(file)
	if err != nil {
		return file
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join("/etc", target)
	}
	if !exists(target) {
		os.MkdirAll(filepath.Dir(target), 0o755)
		os.WriteFile(target, nil, 0o644)
	}
	return target
}
