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

// haproxies gets the versions asked for, each once. They come from the cache where it is young and whole.
func haproxies(ctx context.Context, asked []string) ([]haproxy, error) {
	if len(asked) == 0 {
		return nil, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	c := cache(filepath.Join(base, "docker-bluegreen-e2e"))
	if !c.holds(asked) {
		if err := c.fetch(ctx, asked); err != nil {
			return nil, err
		}
	}
	releases := c.releases()
	var found []haproxy
	for _, want := range asked {
		r, err := pick(releases, want)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(found, func(h haproxy) bool { return h.version == r.upstream() }); i >= 0 {
			found[i].asked = append(found[i].asked, want)
			continue
		}
		files, err := c.unpack(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("haproxy %s: %w", r.version, err)
		}
		found = append(found, haproxy{version: r.upstream(), asked: []string{want}, files: files})
	}
	return found, nil
}

// release is the haproxy package of one of Debian's releases.
type release struct {
	version string // 3.2.26-1
	suite   string // sid
}

func (r release) upstream() string {
	v, _, _ := strings.Cut(r.version, "-")
	return v
}

// pick chooses the release for a series, as 3.2, or the newest. Releases are in order, the newest first.
func pick(releases []release, want string) (release, error) {
	var have []string
	for _, r := range releases {
		if want == newest || series(r.version) == want {
			return r, nil
		}
		have = append(have, series(r.version)+" ("+r.suite+")")
	}
	return release{}, fmt.Errorf("haproxy %s is in none of Debian's releases: there are %s", want, strings.Join(have, ", "))
}

// unpack reads the packages of a release and keeps what haproxy needs.
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
	return closure(all)
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
