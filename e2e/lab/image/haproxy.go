//go:build linux

package image

import (
	"bytes"
	"debug/elf"
	"fmt"
	"path"
	"slices"
	"strings"
)

// haproxy is one version, with the files of its package and of the libraries that this depends on.
type haproxy struct {
	version string // 3.2.26
	asked   []string
	files   tree // only what it needs to run
}

// series is the version as images are tagged: 3.2.
func (h haproxy) series() string { return series(h.version) }

func series(version string) string {
	parts := strings.SplitN(version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

func (h haproxy) tags(prefix string) []string {
	tags := []string{prefix + h.series()}
	if slices.Contains(h.asked, newest) {
		tags = append(tags, prefix+newest)
	}
	return tags
}

// tree is the whole file system of the image, as bare as can be: no shell.
func (h haproxy) tree() tree {
	t := tree{
		"tmp":                    {dir: true, mode: 0o1777},
		"etc/passwd":             {content: []byte("haproxy:x:99:99::/:/bin/false\n"), mode: 0o644},
		"usr/local/sbin/haproxy": {link: "/usr/sbin/haproxy"},
	}
	for name, n := range h.files {
		t[name] = n
	}
	return t
}

const binary = "usr/sbin/haproxy"

// closure picks the program, its loader and the libraries that it needs out of unpacked packages.
func closure(unpacked tree) (tree, error) {
	needed := tree{}
	todo := []string{binary}
	for len(todo) > 0 {
		name := todo[0]
		todo = todo[1:]
		if _, done := needed[name]; done {
			continue
		}
		n, err := unpacked.follow(name)
		if err != nil {
			return nil, err
		}
		needed[name] = n
		libraries, err := unpacked.dependencies(n.content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		todo = append(todo, libraries...)
	}
	return needed, nil
}

// dependencies are the paths of an ELF file's loader and of the libraries that it names.
func (t tree) dependencies(content []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	names, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, name := range names {
		p, ok := t.library(name)
		if !ok {
			return nil, fmt.Errorf("needs %s, which none of its packages has", name)
		}
		paths = append(paths, p)
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b := make([]byte, p.Filesz)
		if _, err := p.ReadAt(b, 0); err != nil {
			return nil, err
		}
		paths = append(paths, strings.Trim(string(b), "/\x00"))
	}
	return paths, nil
}

// library finds a library in the directories where the loader looks: lib/TRIPLET and usr/lib/TRIPLET, or above.
func (t tree) library(name string) (string, bool) {
	var found []string
	for p := range t {
		if path.Base(p) == name && strings.HasPrefix(strings.TrimPrefix(p, "usr/"), "lib") && strings.Count(strings.TrimPrefix(p, "usr/"), "/") <= 2 {
			found = append(found, p)
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return slices.Min(found), true
}

// follow is the file behind symbolic links. Packages may name /lib64 and have /usr/lib64: those directories are one.
func (t tree) follow(name string) (node, error) {
	at := name
	for range 10 {
		n, ok := t[at]
		if !ok {
			n, ok = t["usr/"+at]
		}
		switch {
		case !ok:
			return node{}, fmt.Errorf("%s: not in the packages", name)
		case n.link == "":
			n.mode = 0o755
			return n, nil
		case path.IsAbs(n.link):
			at = strings.TrimPrefix(path.Clean(n.link), "/")
		default:
			at = path.Join(path.Dir(at), n.link)
		}
	}
	return node{}, fmt.Errorf("%s: too many links", name)
}
