//go:build linux

package main

import (
	"context"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const (
	flipCount = 12
	flipRate  = 600 // requests/s to both workers: far below what the machine can do, so that latency is not that of a queue
	between   = 1500 * time.Millisecond
)

// flipResult is what came of flips under load.
type flipResult struct {
	took, spread   time.Duration // medians of the command, and from the first proxy's acknowledge to the last one's
	worst          time.Duration // the longest spread
	heard          int           // jobs whose acknowledges were read
	failed, stale  int
	total          int
	steady, orders time.Duration // p99 between flips, and while a flip runs
}

// flips gives orders under a steady load. Every second stretch of it has none.
func (s *stack) flips(ctx context.Context) (flipResult, error) {
	orders, err := s.listen(ctx)
	if err != nil {
		return flipResult{}, err
	}
	defer orders.stop()
	l := load.Start(ctx, load.Options{Targets: s.targets(ourPort), Workers: workers, Rate: flipRate, KeepAlive: 0.5, Post: 0.3})
	defer l.Stop()
	var r flipResult
	var took []time.Duration
	var quiet, busy []load.Stats
	for i := range flipCount {
		if err := rest(ctx, warm); err != nil {
			return r, err
		}
		began := time.Now()
		if err := rest(ctx, between); err != nil {
			return r, err
		}
		middle := time.Now()
		d, err := s.bluegreen(ctx, "flip", "web")
		if err != nil {
			return r, err
		}
		ended := time.Now()
		took = append(took, d)
		after, err := l.AwaitRequests(ctx, flipRate/4)
		if err != nil {
			return r, err
		}
		r.stale += after.Versions[[]string{"v1", "v2"}[i%2]] // the color that was active before
		quiet, busy = append(quiet, l.Between(began, middle)), append(busy, l.Between(middle, ended))
	}
	p99 := func(s load.Stats) time.Duration { return s.Quantile(.99) }
	all := l.Stop()
	r.took, r.total, r.failed = median(took, func(d time.Duration) time.Duration { return d }), all.Total, all.Failed
	r.steady, r.orders = median(quiet, p99), median(busy, p99)
	r.spread, r.worst, r.heard = orders.spreads()
	return r, nil
}
