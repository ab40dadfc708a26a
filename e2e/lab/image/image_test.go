//go:build linux

package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPick(t *testing.T) {
	releases := []release{{"nginx", "1.30.0-1", "sid"}, {"haproxy", "3.4.7-1", "experimental"}, {"haproxy", "3.2.26-1", "sid"}, {"haproxy", "2.6.12-1+deb12u3", "bookworm"}}
	for want, version := range map[string]string{"newest": "3.4.7", "3.2": "3.2.26", "2.6": "2.6.12", "bookworm": "2.6.12"} {
		t.Run(want, func(t *testing.T) {
			if r, err := pick(releases, "haproxy", want); err != nil || r.upstream() != version {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	if _, err := pick(releases, "haproxy", "2"); err == nil || !strings.Contains(err.Error(), "3.4 (experimental), 3.2 (sid), 2.6 (bookworm)") {
		t.Errorf("unknown version: %v", err)
	}
}

// TestSave reads back what docker load would read.
func TestSave(t *testing.T) {
	layer, err := tree{"usr/bin/x": {content: []byte("x"), mode: 0o755}, "bin": {link: "usr/bin"}}.layer()
	if err != nil {
		t.Fatal(err)
	}
	a, err := appImage("v2-exit")
	if err != nil {
		t.Fatal(err)
	}
	b, err := appImage("v3-nocheck")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.tar")
	if err := save(file, layer, a, b); err != nil {
		t.Fatal(err)
	}
	files := untar(t, file)
	var manifest []struct {
		Config           string
		RepoTags, Layers []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil || len(manifest) != 2 {
		t.Fatalf("%s: %v", files["manifest.json"], err)
	}
	if m := manifest[0]; m.RepoTags[0] != "app:v2-exit" || digest(files[m.Layers[0]]) != digest(layer) {
		t.Errorf("%+v", m)
	}
	var got struct {
		Config config
		Rootfs struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if err := json.Unmarshal(files[manifest[0].Config], &got); err != nil {
		t.Fatal(err)
	}
	if env := strings.Join(got.Config.Env, " "); env != "APP_VERSION=v2 APP_FAIL=exit" || got.Config.Healthcheck == nil {
		t.Errorf("%+v", got.Config)
	}
	if got.Rootfs.DiffIDs[0] != "sha256:"+digest(layer) {
		t.Errorf("%+v", got.Rootfs)
	}
	if strings.Contains(string(files[manifest[1].Config]), "Healthcheck") {
		t.Errorf("nocheck has a healthcheck: %s", files[manifest[1].Config])
	}
}

func untar(t *testing.T, file string) map[string][]byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLayer(t *testing.T) {
	want, err := tree{"a/b/c": {content: []byte("x"), mode: 0o644}}.layer()
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree{"a/b/c": {content: []byte("x"), mode: 0o644}, "a": {dir: true, mode: 0o755}}.layer()
	if err != nil || !bytes.Equal(got, want) {
		t.Error("the same tree gave different layers", err)
	}
	dir := filepath.Join(t.TempDir(), "root")
	if err := (tree{"tmp": {dir: true, mode: 0o1777}, "bin/x": {content: []byte("x"), mode: 0o755}}).write(dir); err != nil {
		t.Fatal(err)
	}
	if i, err := os.Stat(filepath.Join(dir, "tmp")); err != nil || i.Mode() != os.ModeDir|os.ModeSticky|0o777 {
		t.Error(i.Mode(), err)
	}
}

func TestUnknownNames(t *testing.T) {
	for name, ref := range map[string]string{"another image": "apache:1", "no version": "app", "another way to behave": "app:v1-lazy"} {
		t.Run(name, func(t *testing.T) {
			if _, err := Build(t.Context(), t.TempDir(), ref); err == nil || !strings.Contains(err.Error(), ref) {
				t.Error(err)
			}
		})
	}
}
