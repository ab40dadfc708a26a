//go:build linux

// Command bench measures, in one run on a swarm of its own, what going through the proxies costs,
// how long a flip takes and what the plugin itself weighs, and sets each result beside its goal.
// Run it with make bench.
//
// All of it shares this machine: the load, the proxies, the application and three engines. So only
// ratios within one run mean something; what is compared is measured in turns, and the medians are
// shown.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
)

func main() {
	lab.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "bluegreen-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStack(ctx, dir)
	if err != nil {
		return err
	}
	images, err := image.Build(ctx, filepath.Join(dir, "images"), proxyImage, appImage)
	if err != nil {
		return err
	}
	s.lab, err = lab.Up(ctx, lab.Options{Name: "bench", Managers: 1, Workers: 2, Drained: true, Images: images})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lab.Down(), s.lab.Check()) }()
	return s.measure(ctx)
}

// measure prints all results; with the argument "deploys" or "shares" only those.
func (s *stack) measure(ctx context.Context) error {
	r := newReport(os.Stdout)
	r.about()
	only := ""
	if len(os.Args) > 1 {
		only = os.Args[1]
	}
	if only != "shares" {
		deploys, err := s.deploys(ctx)
		if err != nil {
			return err
		}
		r.deploys(deploys)
	}
	if only == "deploys" {
		return r.verdict()
	}
	if err := s.deploy(ctx); err != nil {
		return err
	}
	if err := s.serving(ctx, r, only != "shares"); err != nil {
		return err
	}
	return r.verdict()
}

// serving measures what deploy has left running.
func (s *stack) serving(ctx context.Context, r *report, all bool) error {
	shares, err := s.shares(ctx)
	if err != nil {
		return err
	}
	r.shares(shares)
	if !all {
		return nil
	}
	through, err := s.throughput(ctx)
	if err != nil {
		return err
	}
	r.throughput(through)
	flips, err := s.flips(ctx)
	if err != nil {
		return err
	}
	r.flips(flips)
	weight, err := s.weigh(ctx)
	if err != nil {
		return err
	}
	r.weight(weight)
	return nil
}
