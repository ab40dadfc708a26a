//go:build linux

package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Packages of Debian that no image is made of.
const (
	dockerEngine = "docker.io"
	runc         = "runc"
	patchelf     = "patchelf"
	prometheus   = "prometheus"
)

// engineFiles are the programs of an engine, but for runc: those of newer releases of Debian need a
// newer C library than the machine may have, and the machine's own runc serves them all.
var engineFiles = []string{"usr/sbin/dockerd", "usr/sbin/docker-proxy", "usr/bin/containerd", "usr/bin/containerd-shim-runc-v2"}

// compiled is the engine that no release of Debian has: it is compiled from the modules that Docker
// makes it of, with the containerd that they ask for.
var compiled = struct {
	version  string
	programs []string
}{"29", []string{
	"github.com/moby/moby/v2/cmd/dockerd@v2.0.0-beta.24",
	"github.com/containerd/containerd/v2/cmd/containerd@v2.3.5",
	"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@v2.3.5",
}}

// ahead, after the version of the compiled engine, is the same with a clock that is an hour ahead.
const ahead = "-ahead"

// Engines makes Docker Engines, as 20.10, 26.1, 28.5, 29 or 29-ahead, each in a directory below
// dir, and returns the directories. They must stay where they are.
func Engines(ctx context.Context, dir string, versions ...string) ([]string, error) {
	var dirs []string
	for _, version := range versions {
		at := filepath.Join(dir, version)
		create := unpackEngine
		if strings.TrimSuffix(version, ahead) == compiled.version {
			create = compileEngine
		}
		if err := create(ctx, at, version); err != nil {
			return nil, fmt.Errorf("engine %s: %w", version, err)
		}
		dirs = append(dirs, at)
	}
	return dirs, nil
}

// unpackEngine writes the programs of an engine out of Debian's packages into a directory.
func unpackEngine(ctx context.Context, dir, version string) error {
	all, err := unpacked(ctx, dockerEngine, version)
	if err != nil {
		return err
	}
	programs := tree{}
	for _, name := range engineFiles {
		if programs[path.Base(name)], err = all.follow(name); err != nil {
			return err
		}
	}
	return programs.write(dir)
}

// compileEngine writes the programs of the compiled engine into a directory. It needs a newer runc
// than the machine may have: that is Debian's newest, made to use its own C library.
func compileEngine(ctx context.Context, dir, version string) error {
	proxy, err := unpacked(ctx, dockerEngine, newest)
	if err != nil {
		return err
	}
	programs := tree{}
	if programs["docker-proxy"], err = proxy.follow("usr/sbin/docker-proxy"); err != nil {
		return err
	}
	all, err := unpacked(ctx, runc, newest)
	if err != nil {
		return err
	}
	const binary = "usr/sbin/runc"
	needed, err := closure(all, binary)
	if err != nil {
		return err
	}
	for name, n := range needed {
		if name == binary {
			programs[runc] = n
		} else {
			programs["lib/"+path.Base(name)] = n
		}
	}
	if err := programs.write(dir); err != nil {
		return err
	}
	return errors.Join(relink(ctx, filepath.Join(dir, runc), filepath.Join(dir, "lib")), install(ctx, dir, version))
}

// Prometheus writes Debian's Prometheus, which needs no library of its own, into a directory, and
// returns the file.
func Prometheus(ctx context.Context, dir string) (string, error) {
	all, err := unpacked(ctx, prometheus, oldestSuite)
	if err != nil {
		return "", err
	}
	program, err := all.follow("usr/bin/prometheus")
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, prometheus), (tree{prometheus: program}).write(dir)
}

// relink makes a program use the loader and the libraries of a directory.
func relink(ctx context.Context, program, libraries string) error {
	all, err := unpacked(ctx, patchelf, oldestSuite)
	if err != nil {
		return err
	}
	tool, err := all.follow("usr/bin/patchelf")
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bluegreen-patchelf")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := (tree{patchelf: tool}).write(dir); err != nil {
		return err
	}
	loaders, err := filepath.Glob(filepath.Join(libraries, "ld-linux*"))
	if err != nil || len(loaders) != 1 {
		return fmt.Errorf("loaders in %s: %q, %w", libraries, loaders, err)
	}
	return command(exec.CommandContext(ctx, filepath.Join(dir, patchelf), "--set-interpreter", loaders[0], "--set-rpath", libraries, program))
}

// install compiles the programs of the compiled engine into a directory.
func install(ctx context.Context, dir, version string) error {
	base, isAhead := strings.CutSuffix(version, ahead)
	link := "-s -w -X github.com/moby/moby/v2/dockerversion.Version=" + base + ".0.0"
	args := []string{"install", "-trimpath", "-ldflags", link}
	if isAhead {
		overlay, err := hourAhead(dir)
		if err != nil {
			return err
		}
		args = append(args, "-overlay", overlay)
	}
	for _, program := range compiled.programs {
		cmd := exec.CommandContext(ctx, "go", append(args, program)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+dir)
		if err := command(cmd); err != nil {
			return err
		}
	}
	return nil
}

// hourAhead writes a file for go build -overlay, with a time.Now that is an hour ahead.
func hourAhead(dir string) (string, error) {
	file := filepath.Join(build.Default.GOROOT, "src/time/time.go")
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	const now = "sec, nsec, mono := runtimeNow()\n"
	if strings.Count(string(source), now) != 1 {
		return "", fmt.Errorf("%s: time.Now is not as expected", file)
	}
	changed, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json")
	source = []byte(strings.Replace(string(source), now, now+"\tsec += 60 * 60\n", 1))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	return overlay, errors.Join(err, os.WriteFile(changed, source, 0o644), os.WriteFile(overlay, replace, 0o644))
}

func command(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// unpacked is all that the packages of a program hold.
func unpacked(ctx context.Context, program, version string) (tree, error) {
	c, err := filled(ctx, program, []string{version})
	if err != nil {
		return nil, err
	}
	r, err := pick(c.releases(), program, version)
	if err != nil {
		return nil, err
	}
	return c.unpack(ctx, r)
}
