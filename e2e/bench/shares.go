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

// shareRate is how many requests a second each of the two ways gets where both are loaded at once.
const shareRate = flipRate / 2

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
		}
		if err = s.paced(ctx, &turn); err != nil {
			return nil, err
		}
		turns = append(turns, turn)
	}
	return turns, nil
}

// paced measures requests far below what the machine can do, through the proxies of both nodes.
// Both ways are loaded at once: what hinders one of them from outside hinders the other.
func (s *stack) paced(ctx context.Context, turn *[2]sample) error {
	var loads [2]*load.Load
	for i, p := range sharePaths {
		loads[i] = load.Start(ctx, load.Options{Targets: s.targets(p.port), Workers: workers, Rate: shareRate, KeepAlive: 1, Header: cookie})
		defer loads[i].Stop()
	}
	if err := rest(ctx, warm); err != nil {
		return err
	}
	began := time.Now()
	if err := rest(ctx, 4*span); err != nil {
		return err
	}
	for i, l := range loads {
		turn[i].paced = l.Since(began)
	}
	return nil
}

// restart gives the service new processes, and waits until they answer.
func (s *stack) restart(ctx context.Context, p path) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, n := range s.servers() {
		id, err := n.Docker(ctx, "ps", "-q", "--filter", "label=com.docker.swarm.service.name="+p.service)
		if err != nil {
			return err
		}
		if _, err := n.Docker(ctx, "rm", "--force", id); err != nil {
			return err
		}
	}
	l := load.Start(ctx, load.Options{Targets: s.targets(p.port), Rate: 50, Timeout: time.Second})
	defer l.Stop()
	return l.Await(ctx, "v1")
}
