package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
)

// file is one that is packed.
type file struct {
	name    string // its path in an archive
	content []byte
	mode    int64 // permission bits
}

// archive writes the archive of a platform: the plugin and what it comes with.
func (r release) archive(p platform, binary []byte, common []file) error {
	files := append([]file{{p.program(), binary, 0o755}}, common...)
	var b bytes.Buffer
	write := r.tarball
	if p.archive() == ".zip" {
		write = r.zipped
	}
	if err := write(&b, files); err != nil {
		return err
	}
	return os.WriteFile(r.path(r.asset(p, p.archive())), b.Bytes(), 0o644)
}

func (r release) tarball(out io.Writer, files []file) error {
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: r.date, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := w.Write(f.content); err != nil {
			return err
		}
	}
	return errors.Join(w.Close(), z.Close())
}

func (r release) zipped(out io.Writer, files []file) error {
	w := zip.NewWriter(out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: r.date}
		h.SetMode(os.FileMode(f.mode))
		part, err := w.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := part.Write(f.content); err != nil {
			return err
		}
	}
	return w.Close()
}
