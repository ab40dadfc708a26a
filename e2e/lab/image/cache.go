//go:build linux

package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// cache is a directory with what was downloaded: packages, for each version of a program the list
// of its packages, and the versions that Debian's releases had. Nothing is lost when it is emptied,
// or kept for ever.
type cache string

const fresh = 24 * time.Hour // for the versions; packages of a version do not change

func (c cache) file(name string) string { return filepath.Join(string(c), name) }

func (c cache) releases() []release {
	var all []release
	b, _ := os.ReadFile(c.file("releases"))
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 {
			all = append(all, release{program: f[0], version: f[1], suite: f[2]})
		}
	}
	return all
}

func (c cache) packages(r release) []string {
	b, _ := os.ReadFile(c.file(r.list()))
	return strings.Fields(string(b))
}

// holds tells whether all that is asked for is there, and young.
func (c cache) holds(program string, asked []string) bool {
	info, err := os.Stat(c.file("releases"))
	return err == nil && time.Since(info.ModTime()) < fresh && c.complete(program, asked)
}

func (c cache) complete(program string, asked []string) bool {
	for _, want := range asked {
		r, err := pick(c.releases(), program, want)
		if err != nil || len(c.packages(r)) == 0 {
			return false
		}
		for _, deb := range c.packages(r) {
			if _, err := os.Stat(c.file(deb)); err != nil {
				return false
			}
		}
	}
	return true
}

// fetch fills the cache. Without a network an old cache is good enough.
func (c cache) fetch(ctx context.Context, program string, asked []string) error {
	a, err := newApt()
	if err != nil {
		return err
	}
	defer os.RemoveAll(a.dir)
	if _, err := a.run(ctx, a.dir, "apt-get", "update", "--error-on=any"); err != nil {
		if c.complete(program, asked) {
			fmt.Fprintln(os.Stderr, program+": Debian's mirror does not answer, taking the packages of an earlier run")
			return nil
		}
		return err
	}
	releases, err := a.releases(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(string(c), 0o755); err != nil {
		return err
	}
	for _, want := range asked {
		r, err := pick(releases, program, want)
		if err != nil {
			return err
		}
		debs, err := a.download(ctx, r, string(c))
		if err != nil {
			return fmt.Errorf("%s %s from %s: %w", program, r.version, r.suite, err)
		}
		if err := c.put(r.list(), strings.Join(debs, "\n")); err != nil {
			return err
		}
	}
	var list strings.Builder
	for _, r := range releases {
		fmt.Fprintln(&list, r.program, r.version, r.suite)
	}
	return c.put("releases", list.String())
}

// put writes a file whole or not at all.
func (c cache) put(name, content string) error {
	f, err := os.CreateTemp(string(c), ".new")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Close(), os.Rename(f.Name(), c.file(name)))
}
