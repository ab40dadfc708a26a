//go:build e2e

// Package e2e is scenarios on real swarms, with real HAProxy and real traffic. Each checks what the
// swarm holds and what a client sees, never the text of an output.
package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

// Versions of HAProxy on which everything must work: the oldest and the newest.
const (
	oldest = "haproxy:2.6"
	newest = "haproxy:newest"
)

// newestEngine is the newest Docker Engine that Debian has.
const newestEngine = "28.5"

// env is what all scenarios share: one swarm of a drained manager (n1) and two workers (n2, n3).
var env struct {
	lab    *lab.Lab
	config string // DOCKER_CONFIG with the plugin in it
	plugin string
	images string
	tars   []string // of all images
	dirs   []string // of the engines asked for; none for the machine's own
}

func TestMain(m *testing.M) {
	lab.Main()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if err := lab.Ready(); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "bluegreen-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := buildPlugin(dir); err != nil {
		return 1, err
	}
	ctx := context.Background()
	env.images = filepath.Join(dir, "images")
	env.tars, err = image.Build(ctx, env.images, oldest, newest, "app:v1", "app:v2", "app:v3", "app:v4", "app:v2-exit", "app:v2-unhealthy", "app:v2-refuse")
	if err != nil {
		return 1, fmt.Errorf("images: %w", err)
	}
	env.dirs, err = image.Engines(ctx, filepath.Join(dir, "engines"), strings.Fields(os.Getenv("E2E_ENGINE"))...)
	if err != nil {
		return 1, fmt.Errorf("engines: %w", err)
	}
	env.lab, err = lab.Up(ctx, options(labName(), 1))
	if err != nil {
		return 1, err
	}
	defer func() {
		if derr := ended(env.lab); derr != nil && err == nil {
			code, err = 1, derr
		}
	}()
	return m.Run(), nil
}

// options are those of a swarm of two workers, and of managers that take no tasks.
func options(name string, managers int) lab.Options {
	return lab.Options{Name: name, Managers: managers, Workers: 2, Drained: true, Images: env.tars, Engines: env.dirs,
		InitArgs: []string{"--dispatcher-heartbeat", "5s"}} // as everywhere: the lab's 1s is too short where all nodes share two cores
}

// long leaves a scenario, or a part of one, to make e2e: in make test all that is run has a quarter
// of an hour.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("make e2e runs it")
	}
}

// ended removes a lab, and says whether anything is left of it.
func ended(l *lab.Lab) error { return errors.Join(l.Down(), l.Check()) }

// labName is the name of our lab; E2E_LAB gives another to a second run beside the first.
func labName() string {
	if name := os.Getenv("E2E_LAB"); name != "" {
		return name
	}
	return "e2e"
}

// buildPlugin puts the plugin where a docker CLI with our DOCKER_CONFIG finds it.
func buildPlugin(dir string) error {
	env.config = filepath.Join(dir, "docker")
	env.plugin = filepath.Join(env.config, "cli-plugins", "docker-bluegreen")
	cmd := exec.Command("go", "build", "-o", env.plugin, "../cmd/docker-bluegreen")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	return nil
}
