//go:build linux

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

// script is the install script for a user whose home is a new folder.
type script struct {
	home string
	path string // PATH
}

func newScript(t *testing.T) script {
	t.Helper()
	if err := lab.Install(map[string]string{"curl": "curl", "wget": "wget"}); err != nil {
		t.Fatal(err)
	}
	return script{t.TempDir(), os.Getenv("PATH")}
}

// run runs the script as people do: read from a pipe, by the system's plain shell.
func (s script) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-s", "--"}, args...)...)
	cmd.Stdin = bytes.NewReader(read(t, site.path("install.sh")))
	cmd.Env = []string{"HOME=" + s.home, "PATH=" + s.path, "TMPDIR=" + s.home}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// files are those below the home, which is all that the script may change.
func (s script) files(t *testing.T) []string {
	t.Helper()
	return strings.Fields(output(t, exec.Command("find", s.home, "-type", "f", "-printf", "%P %m ")))
}

func TestInstallScript(t *testing.T) {
	s := newScript(t)
	for range 2 { // again over itself, as an update does
		out, err := s.run(t)
		if err != nil || !strings.HasPrefix(out, "docker bluegreen v9.8.7 is in "+s.home+"/.docker/cli-plugins\n") {
			t.Fatalf("%v: %s", err, out)
		}
		if got, want := s.files(t), []string{".docker/cli-plugins/docker-bluegreen", "755"}; !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	cmd := exec.Command("docker", "bluegreen", "version", "--format", "{{.Version}}")
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+s.home+"/.docker")
	if got := output(t, cmd); got != "v9.8.7\n" {
		t.Errorf("docker bluegreen version: %q", got)
	}
	if out, err := s.run(t, "--uninstall"); err != nil || len(s.files(t)) > 0 {
		t.Errorf("%v: %s: left behind %q", err, out, s.files(t))
	}
	if out, err := s.run(t, "--uninstall"); err == nil || !strings.Contains(out, "has no docker-bluegreen") {
		t.Errorf("a second time: %v: %s", err, out)
	}
}

func TestInstallScriptRefuses(t *testing.T) {
	sum, err := sumOf(site.path(site.asset(tested, ".tar.gz")))
	if err != nil {
		t.Fatal(err)
	}
	s := newScript(t)
	refused := func(t *testing.T, want string, args ...string) {
		t.Helper()
		out, err := s.run(t, args...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("%v: %s, want %s", err, out, want)
		}
		if got := s.files(t); len(got) > 0 {
			t.Errorf("it left %q", got)
		}
	}
	t.Run("another checksum", func(t *testing.T) {
		site.changed.Store(true)
		defer site.changed.Store(false)
		refused(t, sum+" is right: nothing was installed")
	})
	t.Run("cut off", func(t *testing.T) {
		site.cut.Store(true)
		defer site.cut.Store(false)
		refused(t, "could not be downloaded")
	})
	t.Run("an unknown option", func(t *testing.T) { refused(t, "unknown option: --all", "--all") })
	t.Run("no tool to download", func(t *testing.T) {
		s.path = folderOf(t, "uname", "mktemp", "rm", "cut", "tar")
		refused(t, "curl and wget are missing")
	})
	t.Run("another machine", func(t *testing.T) {
		s.path = folderOf(t)
		if err := os.WriteFile(filepath.Join(s.path, "uname"), []byte("#!/bin/sh\necho Plan9\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		refused(t, "no archive for Plan9")
	})
}

// It takes wget where curl is missing.
func TestInstallScriptWithWget(t *testing.T) {
	s := newScript(t)
	s.path = folderOf(t, "uname", "mktemp", "rm", "cut", "tar", "gzip", "wget", "sha256sum", "mkdir", "cp", "chmod", "mv", "cat")
	if out, err := s.run(t); err != nil || !strings.Contains(out, "The docker command is missing") || len(s.files(t)) != 2 {
		t.Errorf("%v: %s", err, out)
	}
}

// folderOf is a folder with a few commands of the machine.
func folderOf(t *testing.T, commands ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, c := range commands {
		path, err := exec.LookPath(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, c)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// All platforms of the script and the formula get the archive that is theirs.
func TestEachPlatform(t *testing.T) {
	r := site.release
	r.out = t.TempDir()
	for _, p := range platforms {
		if err := os.WriteFile(r.path(r.asset(p, p.archive())), []byte(p.name()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.finish(platforms); err != nil {
		t.Fatal(err)
	}
	for _, p := range platforms {
		sum, err := sumOf(r.path(r.asset(p, p.archive())))
		if err != nil {
			t.Fatal(err)
		}
		want := r.url + "/" + r.asset(p, p.archive()) + " " + sum + "\n"
		if p.os != "windows" {
			system, machine, _ := strings.Cut(uname[p.name()], "/")
			text := strings.Replace(string(read(t, r.path("install.sh"))), "\nmain \"$@\"\n", "\nuname() { case $1 in -s) echo "+system+" ;; -m) echo "+machine+" ;; esac; }\nchoose\necho $url $sum\n", 1)
			cmd := exec.Command("/bin/sh")
			cmd.Stdin = strings.NewReader(text)
			if got := output(t, cmd); got != want {
				t.Errorf("install.sh on %s: %s, want %s", p.name(), got, want)
			}
		}
		if p.os != "windows" && p.arm == "" {
			if got := output(t, brew(t, "choose", r.path("docker-bluegreen.rb"), p)); got != want {
				t.Errorf("the formula on %s: %s, want %s", p.name(), got, want)
			}
		}
	}
}

// brew carries a formula out as Homebrew does, with plain Ruby.
func brew(t *testing.T, verb, formula string, p platform, args ...string) *exec.Cmd {
	t.Helper()
	if err := lab.Install(map[string]string{"ruby": "ruby"}); err != nil {
		t.Fatal(err)
	}
	return exec.Command("ruby", append([]string{filepath.Join("testdata", "brew.rb"), verb, formula, p.os, p.arch}, args...)...)
}

func TestFormula(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "prefix")
	formula := site.path("docker-bluegreen.rb")
	if got, want := output(t, brew(t, "install", formula, tested, prefix)), `"cliPluginsExtraDirs": ["`+prefix+`/lib/docker/cli-plugins"]`; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	config := t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(`{"cliPluginsExtraDirs": ["`+prefix+`/lib/docker/cli-plugins"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("docker", "bluegreen", "version", "--format", "{{.Version}}")
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+config)
	if got := output(t, cmd); got != "v9.8.7\n" {
		t.Errorf("docker bluegreen version: %q", got)
	}
	if pages := listed(t, filepath.Join(prefix, "share", "man", "man1")); !slices.Contains(pages, "docker-bluegreen-up.1") {
		t.Errorf("pages %v", pages)
	}
	site.changed.Store(true)
	defer site.changed.Store(false)
	out, err := brew(t, "install", formula, tested, filepath.Join(t.TempDir(), "prefix")).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "SHA-256 mismatch") {
		t.Errorf("another checksum: %v: %s", err, out)
	}
}
