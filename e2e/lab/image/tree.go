//go:build linux

package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"
)

// tree is a file system in memory: nodes by their path, without a slash at the beginning.
type tree map[string]node

type node struct {
	content []byte
	mode    int64  // permission bits
	link    string // of a symbolic link
	dir     bool
}

// withParents adds the directories that are not there yet.
func (t tree) withParents() tree {
	all := maps.Clone(t)
	for name := range t {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok {
				all[dir] = node{dir: true, mode: 0o755}
			}
		}
	}
	return all
}

// layer is the tree as a tar, always the same bytes for the same tree.
func (t tree) layer() ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := errors.Join(t.withParents().pack(w), w.Close())
	return b.Bytes(), err
}

func (t tree) pack(w *tar.Writer) error {
	for _, name := range slices.Sorted(maps.Keys(t)) {
		n := t[name]
		h := &tar.Header{Name: name, Mode: n.mode, Size: int64(len(n.content)), Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0)}
		switch {
		case n.dir:
			h.Name, h.Typeflag = name+"/", tar.TypeDir
		case n.link != "":
			h.Typeflag, h.Linkname = tar.TypeSymlink, n.link
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(n.content); err != nil {
			return err
		}
	}
	return nil
}

// write puts the tree into a directory, in place of what was there.
func (t tree) write(root string) error {
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	all := t.withParents()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := all[name].write(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

func (n node) write(file string) error {
	mode := os.FileMode(n.mode & 0o777)
	if n.mode&0o1000 != 0 {
		mode |= os.ModeSticky
	}
	switch {
	case n.link != "":
		return os.Symlink(n.link, file)
	case n.dir:
		if err := os.Mkdir(file, mode); err != nil {
			return err
		}
	default:
		if err := os.WriteFile(file, n.content, mode); err != nil {
			return err
		}
	}
	return os.Chmod(file, mode) // whatever the umask
}
