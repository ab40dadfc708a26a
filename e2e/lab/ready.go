//go:build linux

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Ready says whether labs can run here. On Debian it installs what is missing, and says so in one
// line on stderr.
func Ready() error {
	if os.Geteuid() != 0 {
		return errors.New("lab: real swarms need root: run as root, or with sudo")
	}
	if path := os.Getenv("PATH"); !strings.HasSuffix(path, cleanPath("")) {
		os.Setenv("PATH", path+":"+cleanPath("")) // su without - leaves the sbin directories out
	}
	return Install(map[string]string{
		"ip": "iproute2", "iptables": "iptables", "nsenter": "util-linux", "mount": "mount", "mkfs.ext4": "e2fsprogs", "ssh": "openssh-client",
		"dockerd": "docker.io", "docker": dockerCLI(),
	})
}

// Install makes sure of commands, given with the Debian packages that bring them.
func Install(packages map[string]string) error {
	var missing []string
	for command, pkg := range packages {
		if _, err := exec.LookPath(command); err != nil && !slices.Contains(missing, pkg) {
			missing = append(missing, pkg)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("missing on this machine: %s (the names of Debian's packages): install them", list)
	}
	fmt.Fprintf(os.Stderr, "installing %s (apt-get install)\n", list)
	install := append([]string{"apt-get", "install", "-qq", "-y", "--no-install-recommends"}, missing...)
	if err := run("", install...); err == nil {
		return nil
	}
	if err := run("", "apt-get", "-qq", "update"); err != nil { // the lists may be old or absent
		return err
	}
	return run("", install...)
}

// dockerCLI is the package with the docker command: one of its own since Debian 13.
func dockerCLI() string {
	if out, _ := exec.Command("apt-cache", "policy", "docker-cli").Output(); strings.Contains(string(out), "Candidate:") {
		return "docker-cli"
	}
	return "docker.io"
}
