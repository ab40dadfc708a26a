//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/docker/cli/cli-plugins/metadata"
)

const starts = 15

// weight is what the plugin costs where it runs.
type weight struct {
	size           int64         // bytes
	plugin, docker time.Duration // medians of docker bluegreen version, and of docker version without an engine
	alone          time.Duration // the plugin's part: docker starts it twice, for what it is called and for the command
}

func (s *stack) weigh(ctx context.Context) (w weight, err error) {
	info, err := os.Stat(s.plugin)
	if err != nil {
		return w, err
	}
	w.size = info.Size()
	var plugin, docker, alone []time.Duration
	for range starts {
		for _, c := range []struct {
			list *[]time.Duration
			cmd  *exec.Cmd
		}{
			{&plugin, s.docker(ctx, "bluegreen", "version")},
			{&docker, s.docker(ctx, "version")},
			{&alone, exec.CommandContext(ctx, s.plugin, metadata.MetadataSubcommandName)},
		} {
			took, err := s.clientOnly(c.cmd)
			if err != nil {
				return w, err
			}
			*c.list = append(*c.list, took)
		}
	}
	same := func(d time.Duration) time.Duration { return d }
	w.plugin, w.docker, w.alone = median(plugin, same), median(docker, same), median(alone, same)
	return w, nil
}

// clientOnly times a command that finds no engine.
func (s *stack) clientOnly(cmd *exec.Cmd) (time.Duration, error) {
	cmd.Env = append(cmd.Env, "DOCKER_HOST=unix://"+filepath.Join(s.dir, "nobody.sock"))
	began := time.Now()
	out, err := cmd.CombinedOutput() // docker version fails because there is no engine, after it has shown the client
	took := time.Since(began)
	if !strings.Contains(string(out), "Version") {
		return 0, fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return took, nil
}
