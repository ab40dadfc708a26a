//go:build linux

package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"time"
)

// config is the part of an image's configuration that is written into it.
type config struct {
	User        string       `json:",omitempty"`
	Env         []string     `json:",omitempty"`
	Entrypoint  []string     `json:",omitempty"`
	Cmd         []string     `json:",omitempty"`
	StopSignal  string       `json:",omitempty"`
	Healthcheck *healthcheck `json:",omitempty"`
}

type healthcheck struct {
	Test     []string
	Interval time.Duration
	Timeout  time.Duration
	Retries  int
}

// image is one entry of an archive. All images of an archive have the same, only layer.
type image struct {
	tags   []string
	config config
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// save writes an archive in the format of docker save, the one that every engine loads.
func save(file string, layer []byte, images ...image) (err error) {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	id := digest(layer)
	var manifest []entry
	files := tree{id + "/layer.tar": {content: layer, mode: 0o644}}
	for _, i := range images {
		b, err := json.Marshal(map[string]any{
			"architecture": architecture, "os": "linux", "config": i.config, "created": time.Unix(0, 0).UTC(),
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + id}},
		})
		if err != nil {
			return err
		}
		name := digest(b) + ".json"
		files[name] = node{content: b, mode: 0o644}
		manifest = append(manifest, entry{name, i.tags, []string{id + "/layer.tar"}})
	}
	b, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	files["manifest.json"] = node{content: b, mode: 0o644}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	return errors.Join(files.pack(w), w.Close(), f.Close())
}
