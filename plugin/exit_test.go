package plugin

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/docker/cli/cli"
	"github.com/spf13/pflag"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/engine"
)

func TestExitCode(t *testing.T) {
	unhealthy := &cluster.UnhealthyError{Service: "web"}
	unconfirmed := &cluster.UnconfirmedError{Service: "web"}
	interrupted := &cluster.InterruptedError{Left: "green runs"}
	unknownFlag := pflag.NewFlagSet("", pflag.ContinueOnError).Parse([]string{"--bogus"})
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"none":                      {nil, 0},
		"any":                       {errors.New("no such file"), 1},
		"not a manager":             {engine.ErrNotManager, 1},
		"unhealthy":                 {fmt.Errorf("up: %w", unhealthy), 3},
		"unconfirmed":               {fmt.Errorf("flip: %w", unconfirmed), 4},
		"drift":                     {&driftError{stack: "shop", differences: 1}, 4},
		"route in doubt wins":       {errors.Join(unhealthy, unconfirmed), 4},
		"interrupted":               {interrupted, 130},
		"interruption wins":         {errors.Join(unhealthy, interrupted), 130},
		"canceled":                  {fmt.Errorf("list services: %w", context.Canceled), 130},
		"unhealthy, then canceled":  {errors.Join(unhealthy, context.Canceled), 3},
		"out of time":               {context.DeadlineExceeded, 1},
		"flag, as docker wraps it":  {cli.StatusError{Status: "unknown flag", StatusCode: 125}, 125},
		"flag before a subcommand":  {unknownFlag, 125},
		"another status of docker":  {cli.StatusError{Status: "?", StatusCode: 7}, 1},
		"nothing deployed, wrapped": {fmt.Errorf("stack shop: %w", cluster.ErrNothingDeployed), 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exitCode(c.err); got != c.want {
				t.Errorf("exit code %d, want %d", got, c.want)
			}
		})
	}
}

func TestReportError(t *testing.T) {
	code := 2
	failed := &cluster.UnhealthyError{Service: "web", Color: "green", Cause: "3 tasks failed", After: "green holds release 3 again",
		Tasks: []cluster.TaskFailure{{Task: "shop_web-green.1", Node: "n1", State: "failed", ExitCode: &code, Log: []string{"\x1b[31mno database\x1b[0m"}}}}
	for name, c := range map[string]struct {
		progress string
		err      error
		want     string
	}{
		"text without what moves a cursor": {progressPlain, failed,
			"service web (green) did not become healthy: 3 tasks failed\n" +
				"  shop_web-green.1 on n1: failed (exit code 2)\n    | no database\ngreen holds release 3 again\n"},
		"quiet":    {progressQuiet, errors.New("no"), "no\n"},
		"canceled": {progressAuto, context.Canceled, "interrupted\n"},
		"json": {progressJSON, errors.New("no <way>"),
			`{"time":"2026-03-01T12:00:00Z","step":"exit","state":"failed","text":"no <way>","exit_code":1}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.common.progress = c.progress
			h.reportError(c.err)
			if got := h.err.String(); got != c.want {
				t.Errorf("\n%q\nwant\n%q", got, c.want)
			}
		})
	}
}
