//go:build linux

package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const appPackage = "github.com/docker-bluegreen/docker-bluegreen/e2e/app"

// buildApp compiles the test application once, and writes one archive with an image for each tag.
func buildApp(ctx context.Context, dir string, tags []string) ([]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	var images []image
	for _, tag := range tags {
		i, err := appImage(tag)
		if err != nil {
			return nil, err
		}
		images = append(images, i)
	}
	binary := filepath.Join(dir, "app")
	defer os.Remove(binary)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, appPackage)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the test application: %w: %s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	layer, err := tree{"app": {content: content, mode: 0o755}}.layer()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "app.tar")
	return []string{file}, save(file, layer, images...)
}

func appImage(tag string) (image, error) {
	version, behaviour, _ := strings.Cut(tag, "-")
	c := config{
		Env:         []string{"APP_VERSION=" + version},
		Entrypoint:  []string{"/app"},
		Healthcheck: &healthcheck{Test: []string{"CMD", "/app", "-healthcheck"}, Interval: 3 * time.Second, Timeout: 30 * time.Second, Retries: 3},
	}
	switch behaviour {
	case "exit", "unhealthy", "late", "refuse":
		c.Env = append(c.Env, "APP_FAIL="+behaviour)
	case "nocheck":
		c.Healthcheck = nil
	case "":
	default:
		return image{}, fmt.Errorf("image app:%s: no behaviour %q: exit, unhealthy, late, refuse or nocheck", tag, behaviour)
	}
	return image{tags: []string{"app:" + tag}, config: c}, nil
}
