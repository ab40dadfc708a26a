//go:build linux

// Package image makes the images that the tests run, without an engine and without a registry:
// HAProxy out of the packages of Debian's releases, and the test application out of its source.
// Each is one layer FROM scratch, in a file for docker load.
package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Build writes docker-archive files with the images of the given names into dir, and returns the
// files:
//
//	haproxy:2.6     the newest 2.6 in any of Debian's releases from bookworm to experimental; likewise 3.0, 3.2, 3.4, …
//	haproxy:newest  the newest of all; it also gets the tag of its version
//	nginx:bookworm  the nginx of that release of Debian; likewise caddy. nginx serves one page on port 80, as its public image does
//	nginx:1.26      the newest 1.26 in any of them
//	app:v1          the test application, version v1, with a healthcheck of interval 3s; likewise every other word
//	app:v2-exit     the same with APP_FAIL=exit; likewise -unhealthy, -late, -refuse
//	app:v2-nocheck  the same without a healthcheck
//
// What is downloaded is kept in the user's cache directory, under docker-bluegreen-e2e.
func Build(ctx context.Context, dir string, refs ...string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var apps []string
	versions := map[string][]string{}
	for _, ref := range refs {
		name, tag, _ := strings.Cut(ref, ":")
		switch {
		case name == "app" && tag != "":
			apps = append(apps, tag)
		case binaries[name] != "" && tag != "":
			versions[name] = append(versions[name], tag)
		default:
			return nil, fmt.Errorf("image %q: want haproxy, nginx, caddy or app, and a version", ref)
		}
	}
	var wg sync.WaitGroup
	var files [2][]string
	var errs [2]error
	wg.Go(func() { files[0], errs[0] = buildPrograms(ctx, dir, versions) })
	wg.Go(func() { files[1], errs[1] = buildApp(ctx, dir, apps) })
	wg.Wait()
	return slices.Concat(files[0], files[1]), errors.Join(errs[:]...)
}

func buildPrograms(ctx context.Context, dir string, versions map[string][]string) ([]string, error) {
	var files []string
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		found, err := programs(ctx, name, versions[name])
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			layer, err := p.tree().layer()
			if err != nil {
				return nil, err
			}
			file := filepath.Join(dir, name+"-"+p.series()+".tar")
			if err := save(file, layer, image{tags: p.tags(), config: p.config()}); err != nil {
				return nil, err
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// FromBinary writes a docker-archive file with an image of one static binary, and returns the file.
func FromBinary(dir, tag, binary string) (string, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return "", err
	}
	name := filepath.Base(binary)
	layer, err := tree{name: {content: content, mode: 0o755}, "tmp": {dir: true, mode: 0o1777}}.layer()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name+".tar")
	return file, save(file, layer, image{tags: []string{tag}, config: config{Entrypoint: []string{"/" + name}}})
}

// HAProxyRoots unpacks the files of HAProxy images into directories below dir, one for each
// version, to run with chroot: there /usr/local/sbin/haproxy works whatever the machine's own
// libraries are. It returns the directories.
func HAProxyRoots(ctx context.Context, dir string, versions ...string) ([]string, error) {
	found, err := programs(ctx, "haproxy", versions)
	if err != nil {
		return nil, err
	}
	var roots []string
	for _, h := range found {
		root := filepath.Join(dir, h.series())
		if err := h.tree().write(root); err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	return roots, nil
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

var architecture = runtime.GOARCH
