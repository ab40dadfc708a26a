//go:build linux

package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const newest = "newest"

// programs gets the versions of a program that are asked for, each once. They come from the cache
// where it is young and whole.
func programs(ctx context.Context, name string, asked []string) ([]program, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	c, err := filled(ctx, name, asked)
	if err != nil {
		return nil, err
	}
	releases := c.releases()
	var found []program
	for _, want := range asked {
		r, err := pick(releases, name, want)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(found, func(p program) bool { return p.version == r.upstream() }); i >= 0 {
			found[i].asked = append(found[i].asked, want)
			continue
		}
		all, err := c.unpack(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, r.version, err)
		}
		files, err := closure(all, binaries[name])
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, r.version, err)
		}
		found = append(found, program{name: name, version: r.upstream(), asked: []string{want}, files: files})
	}
	return found, nil
}

// release is the package of a program in one of Debian's releases.
type release struct {
	program string
	version string // 3.2.26-1
	suite   string // sid
}

func (r release) upstream() string {
	v, _, _ := strings.Cut(r.version, "-")
	return v
}

// list is the file of the cache that lists the packages of a release.
func (r release) list() string { return r.program + "_" + r.version + ".packages" }

// pick chooses the release of a program for a series, as 3.2, a suite, or the newest. Releases are
// in order, the newest first.
func pick(releases []release, program, want string) (release, error) {
	var have []string
	for _, r := range releases {
		if r.program != program {
			continue
		}
		if want == newest || series(r.version) == want || r.suite == want {
			return r, nil
		}
		have = append(have, series(r.version)+" ("+r.suite+")")
	}
	return release{}, fmt.Errorf("%s %s is in none of Debian's releases: there are %s", program, want, strings.Join(have, ", "))
}

// filled is the cache with all that is asked for in it.
func filled(ctx context.Context, name string, asked []string) (cache, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	c := cache(filepath.Join(base, "docker-bluegreen-e2e"))
	if c.holds(name, asked) {
		return c, nil
	}
	return c, c.fetch(ctx, name, asked)
}

// unpack reads the packages of a release.
func (c cache) unpack(ctx context.Context, r release) (tree, error) {
	all := tree{}
	for _, deb := range c.packages(r) {
		cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", c.file(deb))
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		err = all.read(out)
		if err2 := cmd.Wait(); err2 != nil {
			return nil, fmt.Errorf("%s: %w: %s", deb, err2, stderr.String())
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", deb, err)
		}
	}
	return all, nil
}

// read adds the files of a tar.
func (t tree) read(r io.Reader) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, r) // the padding: dpkg-deb must not die of a closed pipe
			return err
		}
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(h.Name, "./")
		switch h.Typeflag {
		case tar.TypeReg:
			b, err := io.ReadAll(archive)
			if err != nil {
				return err
			}
			t[name] = node{content: b, mode: h.Mode}
		case tar.TypeSymlink:
			t[name] = node{link: h.Linkname}
		}
	}
}
