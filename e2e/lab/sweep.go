//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Sweep removes the labs of processes that have ended without doing so. Labs that were kept stay.
func Sweep() error {
	var errs []error
	for _, name := range List() {
		if l, err := Open(name); err == nil && l.Owner != "" && !alive(l.Owner) {
			errs = append(errs, destroy(name))
		}
	}
	return errors.Join(errs...)
}

// destroy removes a lab by its name alone. It also runs in the switch process, which then ends by
// itself.
func destroy(name string) error {
	l := &Lab{state: state{Name: name}}
	if !killCgroup(name) {
		return fmt.Errorf("lab %s: processes %v do not die", name, processes(name))
	}
	if pid := l.switchPID(); pid != 0 && pid != os.Getpid() {
		syscall.Kill(pid, syscall.SIGKILL)
		until(5*time.Second, func() bool { return identity(pid) == "" })
	}
	if link, err := net.InterfaceByName(hostLink(name)); err == nil {
		ip(os.Getpid(), "link del %s", link.Name) // it goes with the switch, but a moment later
	}
	unlock, err := lock()
	if err != nil {
		return err
	}
	defer unlock()
	until(5*time.Second, func() bool { return removeGroups(name) })
	if err := os.RemoveAll(l.dir()); err != nil {
		return err
	}
	if len(List()) == 0 {
		removeGroups("")
		os.Remove(root) // the last one switches off the light; not empty if some lab is being made
	}
	if left := leftovers(name); len(left) > 0 && l.switchPID() != os.Getpid() {
		return fmt.Errorf("lab %s: cannot remove %s", name, strings.Join(left, ", "))
	}
	return nil
}

func removeGroups(path string) bool {
	for _, dir := range groups(path) {
		syscall.Rmdir(dir)
	}
	return len(groups(path)) == 0
}

// leftovers names what a lab has on this machine.
func leftovers(name string) []string {
	left := groups(name)
	for _, pid := range processes(name) {
		left = append(left, fmt.Sprintf("process %d (%s)", pid, comm(pid)))
	}
	if _, err := net.InterfaceByName(hostLink(name)); err == nil {
		left = append(left, "interface "+hostLink(name))
	}
	dir := filepath.Join(root, name)
	if exists(dir) {
		left = append(left, dir)
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	if strings.Contains(string(mounts), dir+"/") {
		left = append(left, "mounts below "+dir)
	}
	return left
}
