//go:build linux

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Everything that runs for a lab is in control groups below swarmlab/NAME: that is how it is found
// and removed, even after a crash.
const cgroupBase = "swarmlab"

// hierarchy is one mounted tree of control groups: several with cgroup v1, one with v2.
type hierarchy struct {
	dir         string // mount point
	controllers string // mount option of v1, as "cpu,cpuacct"; empty with v2
}

// hierarchies reads the mounts of this process. Version 2 counts only where no v1 controller is
// mounted (on hybrid machines the controllers are with v1). Version 2 follows what nested dockerds
// do elsewhere; it was not run on such a machine.
func hierarchies() ([]hierarchy, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var v1, v2 []hierarchy
	for line := range strings.Lines(string(mounts)) {
		left, right, _ := strings.Cut(strings.TrimSpace(line), " - ")
		at, fields := strings.Fields(left)[4], strings.Fields(right)
		switch options := fields[len(fields)-1]; fields[0] {
		case "cgroup":
			if c := controllersOf(options); c != "" {
				v1 = append(v1, hierarchy{at, c})
			}
		case "cgroup2":
			v2 = append(v2, hierarchy{dir: at})
		}
	}
	if len(v1) > 0 {
		return v1, nil
	}
	if len(v2) > 0 {
		return v2[:1], nil
	}
	return nil, errors.New("no control groups are mounted on this machine")
}

func controllersOf(options string) string {
	var c []string
	for o := range strings.SplitSeq(options, ",") {
		if o != "rw" && o != "ro" && !strings.Contains(o, "=") && o != "xattr" && o != "clone_children" {
			c = append(c, o)
		}
	}
	return strings.Join(c, ",")
}

func (h hierarchy) v2() bool { return h.controllers == "" }

// joinCgroup makes swarmlab/path in every hierarchy and moves the calling process there.
func joinCgroup(path string) error {
	all, err := hierarchies()
	if err != nil {
		return err
	}
	for _, h := range all {
		dir := h.dir
		for part := range strings.SplitSeq(cgroupBase+"/"+path, "/") {
			parent := dir
			dir = filepath.Join(dir, part)
			if err := h.make(parent, dir); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0); err != nil {
			return err
		}
	}
	return nil
}

func (h hierarchy) make(parent, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return err
	}
	if h.v2() {
		return delegate(parent)
	}
	if !slices.Contains(strings.Split(h.controllers, ","), "cpuset") {
		return nil
	}
	for _, f := range []string{"cpuset.cpus", "cpuset.mems"} { // empty in a new group of v1, and then no process may enter
		value, err := os.ReadFile(filepath.Join(parent, f))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f), value, 0); err != nil {
			return err
		}
	}
	return nil
}

// delegate passes all controllers of a v2 group on to its children.
func delegate(dir string) error {
	available, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for c := range strings.FieldsSeq(string(available)) {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0); err != nil {
			return err
		}
	}
	return nil
}

// groups are the directories of swarmlab/path in all hierarchies, children before parents.
func groups(path string) []string {
	all, _ := hierarchies()
	var dirs []string
	for _, h := range all {
		filepath.WalkDir(filepath.Join(h.dir, cgroupBase, path), func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, p)
			}
			return nil
		})
	}
	slices.Reverse(dirs)
	return dirs
}

// processes are the ids of all processes in swarmlab/path and below.
func processes(path string) []int {
	var pids []int
	for _, dir := range groups(path) {
		b, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		for f := range strings.FieldsSeq(string(b)) {
			if pid, _ := strconv.Atoi(f); pid > 0 && !slices.Contains(pids, pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// freeze stops or continues all processes of swarmlab/path and below. Each group has a state of its
// own: one that was frozen does not thaw with its parent.
func freeze(path string, frozen bool) error {
	states := map[string]string{"freezer.state": "THAWED", "cgroup.freeze": "0"} // of v1 and v2
	if frozen {
		states = map[string]string{"freezer.state": "FROZEN", "cgroup.freeze": "1"}
	}
	return set(groups(path), states, "freezer")
}

// set writes values into files of control groups, by the files' names in v1 and v2: each directory
// has those of its own hierarchy. controller is for the error where none has any.
func set(dirs []string, values map[string]string, controller string) error {
	err := fmt.Errorf("no control group with the %s controller on this machine, or nothing runs", controller)
	for _, dir := range dirs {
		for file, value := range values {
			f, err2 := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
			if err2 != nil {
				continue // another hierarchy, or gone
			}
			_, err = f.WriteString(value)
			f.Close()
		}
	}
	return err
}

// killCgroup kills all processes of swarmlab/path, frozen or not, except this one, and waits until
// they are gone.
func killCgroup(path string) bool {
	return until(10*time.Second, func() bool {
		freeze(path, false)
		left := 0
		for _, pid := range processes(path) {
			if pid != os.Getpid() {
				left++
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		return left == 0
	})
}
