//go:build linux

package lab

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// root holds a directory for each lab. It is fixed, so that leftovers are found whatever TMPDIR
// was, and short, since the path of a unix socket may have 107 bytes only. It must not be a tmpfs:
// the nodes' images live there.
const root = "/var/tmp/swarmlab"

// state is what other processes need to know of a lab, as root/NAME/lab.json.
type state struct {
	Name     string
	Subnet   string // "10.77.0"
	Managers int
	Workers  int
	Engines  []string `json:",omitempty"`
	Disk     string   `json:",omitempty"`
	Owner    string   `json:",omitempty"` // process that the lab belongs to, see identity; empty if it is to be kept
}

func (s state) dir() string        { return filepath.Join(root, s.Name) }
func (s state) ip(last int) string { return fmt.Sprintf("%s.%d", s.Subnet, last) }

// hostLink is the leg of the machine's own network namespace in the lab, with the address
// SUBNET.254.
func hostLink(name string) string { return "sl-" + name }

var names = regexp.MustCompile(`^[a-z0-9]{1,11}$`) // an interface name has 15 bytes at most, and "sl-" comes before

// claim takes the name and the subnet by making the lab's directory.
func claim(o Options) (*Lab, error) {
	s := state{Name: o.Name, Subnet: o.Subnet, Managers: o.Managers, Workers: o.Workers, Engines: o.Engines, Disk: o.Disk}
	if s.Name == "" {
		s.Name = "lab"
	}
	if !names.MatchString(s.Name) {
		return nil, fmt.Errorf("lab: name %q: lower case letters and digits, at most 11", s.Name)
	}
	if s.Managers < 1 || s.Managers+s.Workers > 200 {
		return nil, fmt.Errorf("lab %s: %d managers and %d workers: at least one manager, at most 200 nodes", s.Name, s.Managers, s.Workers)
	}
	if !o.Keep {
		s.Owner = identity(os.Getpid())
	}
	unlock, err := lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if s.Subnet == "" {
		s.Subnet = freeSubnet()
	}
	if net.ParseIP(s.ip(1)) == nil {
		return nil, fmt.Errorf("lab %s: subnet %q: give the first three numbers of a /24, as 10.77.0", s.Name, s.Subnet)
	}
	if !exists(filepath.Join(s.dir(), "lab.json")) {
		os.RemoveAll(s.dir()) // a process died right here
	}
	if err := os.Mkdir(s.dir(), 0o755); os.IsExist(err) {
		return nil, fmt.Errorf("lab %s is already running (%s): take another name, or remove it with: swarmlab -name %[1]s down", s.Name, s.dir())
	} else if err != nil {
		return nil, err
	}
	return &Lab{state: s}, s.write()
}

func (s state) write() error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir(), "lab.json"), b, 0o644)
}

// Open finds a lab that another process started.
func Open(name string) (*Lab, error) {
	l := &Lab{}
	b, err := os.ReadFile(filepath.Join(root, name, "lab.json"))
	if err != nil {
		return nil, fmt.Errorf("lab %s is not running", name)
	}
	return l, json.Unmarshal(b, &l.state)
}

// lock serialises the choice of names and subnets, and the removal of what all labs share, over all
// processes.
func lock() (unlock func(), err error) {
	for {
		if err := os.MkdirAll(root, 0o755); err != nil {
			return nil, err
		}
		f, err := os.Open(root)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			f.Close()
			return nil, err
		}
		mine, err := f.Stat()
		now, err2 := os.Stat(root)
		if err == nil && err2 == nil && os.SameFile(mine, now) {
			return func() { f.Close() }, nil
		}
		f.Close() // removed while we waited for it
	}
}

func freeSubnet() string {
	taken := map[string]bool{}
	for _, name := range List() {
		if l, err := Open(name); err == nil {
			taken[l.Subnet] = true
		}
	}
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		taken[a.String()[:max(strings.LastIndex(a.String(), "."), 0)]] = true
	}
	for i := range 256 {
		if s := fmt.Sprintf("10.77.%d", i); !taken[s] {
			return s
		}
	}
	return ""
}

// List names all labs on this machine.
func List() []string {
	dirs, _ := filepath.Glob(filepath.Join(root, "*", "lab.json"))
	for i, d := range dirs {
		dirs[i] = filepath.Base(filepath.Dir(d))
	}
	return dirs
}
