//go:build linux

package main

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// listener reads what control jobs print, beside the plugin: it holds when each proxy acknowledged
// its route.
type listener struct {
	client *client.Client
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	seen []time.Duration // from the first acknowledge to the last, of each job
}

// listen begins to follow all control jobs that are created from now on.
func (s *stack) listen(ctx context.Context) (*listener, error) {
	c, err := s.lab.Node("n1").Client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &listener{client: c, cancel: cancel}
	created, failed := c.Events(ctx, events.ListOptions{Filters: filters.NewArgs(filters.Arg("type", "service"), filters.Arg("event", "create"))})
	l.wait.Go(func() {
		for {
			select {
			case e := <-created:
				if strings.Contains(e.Actor.Attributes["name"], "_order-") {
					l.wait.Go(func() { l.follow(ctx, e.Actor.ID) })
				}
			case <-failed:
				return
			}
		}
	})
	return l, nil
}

func (l *listener) stop() {
	l.cancel()
	l.wait.Wait()
	l.client.Close()
}

// follow reads one job's output. A job that is removed before it was read is left out: the plugin
// does not wait for us.
func (l *listener) follow(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	logs, err := l.client.ServiceLogs(ctx, id, container.LogsOptions{ShowStdout: true, Follow: true})
	if err != nil {
		return
	}
	defer logs.Close()
	out, in := io.Pipe()
	defer out.Close()
	go func() {
		_, err := stdcopy.StdCopy(in, io.Discard, logs)
		in.CloseWithError(err)
	}()
	var report haproxy.Report
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := report.Add(lines.Text()); err != nil || report.Done {
			break
		}
	}
	l.add(report)
}

func (l *listener) add(r haproxy.Report) {
	var acknowledged []time.Duration
	for _, p := range r.Proxies {
		if p.Outcome == haproxy.Taken {
			acknowledged = append(acknowledged, p.Acknowledged)
		}
	}
	if !r.Done || len(acknowledged) < 2 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, slices.Max(acknowledged)-slices.Min(acknowledged))
}

// spreads are the median and the longest time from a job's first acknowledge to its last, and how
// many jobs were read.
func (l *listener) spreads() (typical, worst time.Duration, jobs int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return 0, 0, 0
	}
	return median(l.seen, func(d time.Duration) time.Duration { return d }), slices.Max(l.seen), len(l.seen)
}
