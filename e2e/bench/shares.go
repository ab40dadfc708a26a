//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// shareTurns are many: two processes of one HAProxy with one configuration differ by several
// percent, so each turn has new ones.
const shareTurns = 12

// sharePaths are a service without a share or guard, and one with both.
var sharePaths = [2]path{
	{"our proxy", ourPort, name + "_web"},
	{"with a share by cookie and a guard", sharedPort, name + "_shared"},
}

// cookie is what all requests carry.
const cookie = "Cookie: session=a"

// shares measures what a share and a guard cost, turn by turn: one sample of each.
func (s *stack) shares(ctx context.Context) (turns [][2]sample, err error) {
	for i := range shareTurns {
		for _, p := range sharePaths {
			if err := s.restart(ctx, p); err != nil {
				return nil, fmt.Errorf("restart %s: %w", p.service, err)
			}
		}
		var turn [2]sample
		for k := range turn {
			which := (i + k) % 2 // each is first as often as the other
			if turn[which], err = s.once(ctx, sharePaths[which]); err != nil {
				return nil, fmt.Errorf("%s: %w", sharePaths[which].label, err)
			}
			if turn[which].paced, err = s.paced(ctx, sharePaths[which]); err != nil {
				return nil, err
			}
		}
		turns = append(turns, turn)
	}
	return turns, nil
}

// paced is the time within which 99 of 100 requests are answered, far below what the machine can
// do.
func (s *stack) paced(ctx context.Context, p path) (time.Duration, error) {
	l := load.Start(ctx, load.Options{Targets: []string{s.target(p.port)}, Workers: workers, Rate: flipRate, KeepAlive: 1, Header: cookie})
	defer l.Stop()
	if err := rest(ctx, warm); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := rest(ctx, span); err != nil {
		return 0, err
	}
	return l.Since(began).Quantile(.99), nil
}

// restart gives the service a new process on the asked node, and waits until it answers.
func (s *stack) restart(ctx context.Context, p path) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	n := s.lab.Node("n2")
	id, err := n.Docker(ctx, "ps", "-q", "--filter", "label=com.docker.swarm.service.name="+p.service)
	if err != nil {
		return err
	}
	if _, err := n.Docker(ctx, "rm", "--force", id); err != nil {
		return err
	}
	l := load.Start(ctx, load.Options{Targets: []string{s.target(p.port)}, Rate: 50, Timeout: time.Second})
	defer l.Stop()
	return l.Await(ctx, "v1")
}
