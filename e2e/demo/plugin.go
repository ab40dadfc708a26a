//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/docker/cli/cli/config"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// shell runs commands as a user would: docker bluegreen, with the plugin of this source.
type shell struct {
	screen *screen
	stack  string
	config string   // DOCKER_CONFIG
	files  []string // -f
	vars   []string // for the file
}

// buildPlugin compiles the plugin into a docker configuration that is otherwise the user's:
// contexts and logins are those.
func buildPlugin(ctx context.Context, dir string) (configDir string, err error) {
	configDir = filepath.Join(dir, "docker")
	plugins := filepath.Join(configDir, "cli-plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return "", err
	}
	theirs, _ := os.ReadDir(config.Dir()) // often there is none
	for _, entry := range theirs {
		if entry.Name() == "cli-plugins" {
			continue
		}
		if err := os.Symlink(filepath.Join(config.Dir(), entry.Name()), filepath.Join(configDir, entry.Name())); err != nil {
			return "", err
		}
	}
	cmd := exec.CommandContext(ctx, "make", "-s", "build", "PLUGIN="+filepath.Join(plugins, "docker-bluegreen"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	return configDir, nil
}

// command prepares docker bluegreen. Ctrl-C reaches it through ctx alone, so that it is told once
// and then waited for.
func (sh *shell) command(ctx context.Context, version string, args ...string) *exec.Cmd {
	all := append([]string{"bluegreen", args[0], "-p", sh.stack}, args[1:]...)
	if args[0] == "up" {
		all = append(all, "--resolve-image", "never") // the images are only on this engine
		for _, file := range sh.files {
			all = append(all, "-f", file)
		}
	}
	cmd := exec.CommandContext(ctx, "docker", all...)
	cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+sh.config, "V="+version)
	cmd.Env = append(cmd.Env, sh.vars...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd
}

// run shows and runs a command, and returns how long it took.
func (sh *shell) run(ctx context.Context, version string, args ...string) (time.Duration, error) {
	shown := "docker bluegreen " + strings.Join(args, " ")
	if args[0] == "up" {
		shown = "V=" + version + " " + shown
	}
	sh.screen.say("$ %s", shown)
	cmd := sh.command(ctx, version, args...)
	out := sh.screen.lines()
	cmd.Stdout, cmd.Stderr = out, out
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	_ = out.Close()
	if ctx.Err() != nil {
		return took, context.Cause(ctx)
	}
	if err != nil {
		return took, fmt.Errorf("%s: %w", shown, err)
	}
	return took, nil
}

// active asks which color of web takes the traffic.
func (sh *shell) active(ctx context.Context) (string, error) {
	var st swarm.Status
	var stderr bytes.Buffer
	cmd := sh.command(ctx, "", "status", "--format", "json")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &st)
	}
	if err != nil {
		return "", fmt.Errorf("docker bluegreen status: %w\n%s", err, stderr.String())
	}
	for _, s := range st.Services {
		if s.Name == "web" && s.Route != nil {
			return s.Route.Active, nil
		}
	}
	return "", fmt.Errorf("docker bluegreen status does not know the service web: %s", out)
}
