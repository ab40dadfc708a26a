//go:build linux

package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// suites are asked for programs, the newest first.
var suites = []string{"experimental", "sid", "trixie", oldestSuite}

// oldestSuite is the one whose programs run on every machine that is supported.
const oldestSuite = "bookworm"

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// apt is apt-get with sources, lists and state of its own: the machine's are neither used nor
// changed.
type apt struct {
	dir string
}

func newApt() (apt, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return apt{}, errors.New("images are made of Debian's packages, and this machine has no apt-get: run on Debian")
	}
	if _, err := os.Stat(keyring); err != nil {
		return apt{}, errors.New("missing " + keyring + ": install debian-archive-keyring")
	}
	dir, err := os.MkdirTemp("", "bluegreen-apt")
	if err != nil {
		return apt{}, err
	}
	a := apt{dir}
	var sources strings.Builder
	for _, s := range suites {
		fmt.Fprintf(&sources, "deb [signed-by=%s] %s %s main\n", keyring, Mirror(), s)
	}
	return a, errors.Join(
		os.MkdirAll(filepath.Join(dir, "lists/partial"), 0o755),
		os.MkdirAll(filepath.Join(dir, "cache/archives/partial"), 0o755),
		os.WriteFile(filepath.Join(dir, "status"), nil, 0o644),
		os.WriteFile(filepath.Join(dir, "sources.list"), []byte(sources.String()), 0o644),
	)
}

// Mirror is the address of the Debian mirror that this machine uses, without a way to fail: else it
// is Debian's own.
func Mirror() string {
	out, _ := exec.Command("apt-get", "indextargets", "--format", "$(REPO_URI)").Output()
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); strings.HasSuffix(strings.TrimSuffix(line, "/"), "/debian") {
			return line
		}
	}
	return "http://deb.debian.org/debian"
}

func (a apt) run(ctx context.Context, cwd, tool string, args ...string) (string, error) {
	in := func(name string) string { return filepath.Join(a.dir, name) }
	options := []string{
		"-qq", "-o", "Dir::Etc::sourcelist=" + in("sources.list"), "-o", "Dir::Etc::sourceparts=/dev/null",
		"-o", "Dir::State::lists=" + in("lists"), "-o", "Dir::State::status=" + in("status"), "-o", "Dir::Cache=" + in("cache"),
		"-o", "Dir::Cache::pkgcache=pkgcache.bin", "-o", "Dir::Cache::srcpkgcache=srcpkgcache.bin",
		"-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User=root",
	}
	cmd := exec.CommandContext(ctx, tool, append(options, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &stdout, &stderr, cwd
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", tool, args[0], err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

// releases asks for the programs of each suite, the newest first.
func (a apt) releases(ctx context.Context) ([]release, error) {
	out, err := a.run(ctx, a.dir, "apt-cache", slices.Concat([]string{"madison", dockerEngine, runc, patchelf, prometheus}, slices.Sorted(maps.Keys(binaries)))...)
	if err != nil {
		return nil, err
	}
	var found []release
	for line := range strings.Lines(out) { // haproxy | 3.2.26-1 | http://deb.debian.org/debian sid/main amd64 Packages
		f := strings.Split(line, "|")
		if len(f) == 3 && strings.HasSuffix(strings.TrimSpace(line), "Packages") {
			source := strings.Fields(f[2])
			suite, _, _ := strings.Cut(source[1], "/")
			found = append(found, release{program: strings.TrimSpace(f[0]), version: strings.TrimSpace(f[1]), suite: suite})
		}
	}
	return found, nil
}

var library = regexp.MustCompile(`^(zlib1g|lib[^_]*)_`)

// wants says whether a package is needed to run a program. An engine runs with the libraries of the
// machine.
func (r release) wants(file string) bool {
	if r.program == dockerEngine {
		return strings.HasPrefix(file, dockerEngine+"_") || strings.HasPrefix(file, "containerd_")
	}
	if r.program == prometheus { // a program of Go
		return strings.HasPrefix(file, prometheus+"_")
	}
	return strings.HasPrefix(file, r.program+"_") || library.MatchString(file) && !strings.Contains(file, "perl")
}

// download gets a program and what it needs into a directory and returns the names of the files.
func (a apt) download(ctx context.Context, r release, dir string) ([]string, error) {
	out, err := a.run(ctx, dir, "apt-get", "install", "-y", "--no-install-recommends", "--print-uris", "-t", r.suite, r.program+"="+r.version)
	if err != nil {
		return nil, err
	}
	args := []string{"download"}
	var files []string
	for line := range strings.Lines(out) { // 'URI' name_version_arch.deb size checksum
		f := strings.Fields(line)
		if len(f) < 2 || !r.wants(f[1]) {
			continue
		}
		files = append(files, f[1])
		if _, err := os.Stat(filepath.Join(dir, f[1])); err == nil {
			continue // apt-get renames a file only when it is whole and its checksum is right
		}
		parts := strings.Split(f[1], "_")
		version, err := url.PathUnescape(parts[1])
		if err != nil {
			return nil, err
		}
		args = append(args, parts[0]+"="+version)
	}
	if len(args) > 1 {
		_, err = a.run(ctx, dir, "apt-get", args...)
	}
	return files, err
}
