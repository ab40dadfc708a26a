//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

// prefix sets our images off from any that the engine may have: they are removed at the end.
const prefix = "bluegreen-demo/"

const (
	appImage = prefix + "app" // tags v1 and v2
	probeTag = appImage + ":v1"
)

// images brings the application and HAProxy to the engine, and returns the name of HAProxy's image.
func (e *engine) images(ctx context.Context, s *screen, u *undo, dir string) (haproxy string, err error) {
	refs := []string{"app:v1", "app:v2"}
	haproxy = bluegreen.DefaultProxyImage
	why := e.pull(ctx, u, haproxy)
	if why != nil {
		refs = append(refs, "haproxy:newest")
	}
	files, err := image.Build(ctx, filepath.Join(dir, "images"), refs...)
	if err != nil {
		return "", err
	}
	for _, file := range files {
		tags, err := e.load(ctx, u, file)
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(tags[0], prefix+"haproxy:") {
			haproxy = tags[0]
		}
	}
	if why == nil {
		s.say("proxy image %s", haproxy)
	} else {
		s.say("proxy image %s, built from scratch out of Debian's package: %s cannot be pulled (%s)", haproxy, bluegreen.DefaultProxyImage, why)
	}
	return haproxy, nil
}

// public brings images by their public names to the engine: from their registry or, where that does
// not answer, made of Debian's package of the same version.
func (e *engine) public(ctx context.Context, s *screen, u *undo, dir string, refs ...string) error {
	for _, ref := range refs {
		why := e.pull(ctx, u, ref)
		if why == nil {
			continue
		}
		files, err := image.Build(ctx, filepath.Join(dir, "public"), ref)
		if err != nil {
			return err
		}
		u.add("image "+ref, func(ctx context.Context) error { return e.removeImage(ctx, ref) })
		if err := e.loadFile(ctx, files[0]); err != nil {
			return err
		}
		s.say("image %s, built from scratch out of Debian's package: it cannot be pulled (%s)", ref, why)
	}
	return nil
}

// pull gets an image from its registry, unless it is there.
func (e *engine) pull(ctx context.Context, u *undo, ref string) error {
	if _, err := e.ImageInspect(ctx, ref); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("the registry is too slow"))
	defer cancel()
	progress, err := e.ImagePull(ctx, ref, dockerimage.PullOptions{})
	if err != nil {
		return short(err)
	}
	defer progress.Close()
	if _, err := io.Copy(io.Discard, progress); err != nil {
		return context.Cause(ctx)
	}
	if _, err := e.ImageInspect(ctx, ref); err != nil {
		return errors.New("the pull did not end")
	}
	u.add("image "+ref, func(ctx context.Context) error { return e.removeImage(ctx, ref) })
	return nil
}

// short is the last and most exact part of an error of the engine's.
func short(err error) error {
	parts := strings.Split(err.Error(), ": ")
	return errors.New(parts[len(parts)-1])
}

func (e *engine) removeImage(ctx context.Context, ref string) error {
	_, err := e.ImageRemove(ctx, ref, dockerimage.RemoveOptions{Force: true, PruneChildren: true})
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// load loads the images of an archive under names of our own, which it returns.
func (e *engine) load(ctx context.Context, u *undo, file string) ([]string, error) {
	ours := strings.TrimSuffix(file, ".tar") + "-renamed.tar"
	tags, err := rename(ours, file)
	if err != nil {
		return nil, err
	}
	for _, tag := range tags {
		u.add("image "+tag, func(ctx context.Context) error { return e.removeImage(ctx, tag) })
	}
	return tags, e.loadFile(ctx, ours)
}

// loadFile loads the images of an archive.
func (e *engine) loadFile(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	resp, err := e.ImageLoad(ctx, f, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && strings.Contains(string(text), `"error"`) {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", file, err)
	}
	return nil
}
