//go:build linux

package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// rename writes a copy of an archive of docker save with our prefix before the names of its images,
// which it returns.
func rename(to, from string) ([]string, error) {
	in, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return nil, err
	}
	tags, err := renameAll(out, in)
	return tags, errors.Join(err, out.Close())
}

func renameAll(out io.Writer, in io.Reader) (tags []string, err error) {
	r, w := tar.NewReader(in), tar.NewWriter(out)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return tags, w.Close()
		}
		if err != nil {
			return nil, err
		}
		var content io.Reader = r
		if h.Name == "manifest.json" {
			var manifest string
			if manifest, tags, err = renameManifest(r); err != nil {
				return nil, err
			}
			h.Size, content = int64(len(manifest)), strings.NewReader(manifest)
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, content); err != nil {
			return nil, err
		}
	}
}

func renameManifest(in io.Reader) (manifest string, tags []string, err error) {
	var entries []map[string]any
	if err := json.NewDecoder(in).Decode(&entries); err != nil {
		return "", nil, err
	}
	for _, entry := range entries {
		names, _ := entry["RepoTags"].([]any)
		for i := range names {
			tag := fmt.Sprint(prefix, names[i])
			names[i] = tag
			tags = append(tags, tag)
		}
	}
	b, err := json.Marshal(entries)
	return string(b), tags, err
}
