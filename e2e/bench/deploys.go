//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The stack whose deployment is timed.
const (
	plainServices     = 50
	blueGreenServices = 5
	deployRounds      = 1 // docker stack deploy waits five seconds for each service, one after the other
	large             = "large"
)

// deployResult are medians of what it takes to deploy the large stack.
type deployResult struct {
	up, again   time.Duration // from nothing, and with nothing to do
	stackDeploy time.Duration // docker stack deploy --detach=false of the file without x-bluegreen
}

// largeFile is a stack file of many services. Its images are on the nodes.
func largeFile(blueGreen bool) string {
	var b strings.Builder
	b.WriteString("version: '3.9'\nx-app: &app\n  image: app:v1\n  environment: {APP_STOP_DELAY: 0s}\n  deploy: {endpoint_mode: dnsrr}\nservices:\n")
	for i := range plainServices {
		fmt.Fprintf(&b, "  plain%d: *app\n", i)
	}
	for i := range blueGreenServices {
		fmt.Fprintf(&b, "  web%d:\n    <<: *app\n    expose: ['8080']\n", i)
		if blueGreen {
			b.WriteString("    x-bluegreen: {proxy: {image: \"" + proxyImage + "\"}}\n")
		}
	}
	return b.String()
}

// deploys times up and docker stack deploy of the same services, in turns, each from nothing.
func (s *stack) deploys(ctx context.Context) (r deployResult, err error) {
	for name, blueGreen := range map[string]bool{"large.yaml": true, "plain.yaml": false} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(largeFile(blueGreen)), 0o644); err != nil {
			return r, err
		}
	}
	up := []string{"bluegreen", "-p", large, "-f", "large.yaml", "--progress", "plain", "up", "--resolve-image", "never"}
	down := []string{"bluegreen", "-p", large, "--progress", "plain", "down"}
	var ups, agains, stackDeploys []time.Duration
	for range deployRounds {
		for _, turn := range []struct {
			list *[]time.Duration
			args []string
		}{
			{&ups, up}, {&agains, up}, {nil, down},
			{&stackDeploys, []string{"stack", "deploy", "--detach=false", "--resolve-image", "never", "-c", "plain.yaml", large}}, {nil, down},
		} {
			began := time.Now()
			out, err := s.docker(ctx, turn.args...).CombinedOutput()
			if err != nil {
				return r, fmt.Errorf("docker %v: %w\n%s", turn.args, err, out)
			}
			if turn.list != nil {
				*turn.list = append(*turn.list, time.Since(began))
			}
		}
	}
	same := func(d time.Duration) time.Duration { return d }
	r.up, r.again, r.stackDeploy = median(ups, same), median(agains, same), median(stackDeploys, same)
	return r, nil
}
