//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

const (
	rounds  = 5
	warm    = time.Second     // not counted, at the start of each measurement
	span    = 3 * time.Second // of one measurement
	workers = 16              // requests at a time: a closed loop, each worker asks again as soon as it is answered
)

// path is one of the ways to the application.
type path struct {
	label   string
	port    int
	service string // whose container's CPU time is counted
}

var paths = []path{
	{"straight to the app", directPort, name + "_direct"},
	{"plain HAProxy", plainPort, name + "_plain"},
	{"our proxy", ourPort, name + "_web"},
}

// sample is one measurement.
type sample struct {
	rate     float64 // requests/s
	p50, p99 time.Duration
	cpu      time.Duration // of the container that is asked, for each request
	failed   int
	paced    load.Stats // at shareRate, where it is measured: at full load the p99 is that of a queue
}

// throughput measures all ways in turns.
func (s *stack) throughput(ctx context.Context) (map[string]sample, error) {
	all := map[string][]sample{}
	for range rounds {
		for _, p := range paths {
			one, err := s.once(ctx, p)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.label, err)
			}
			all[p.label] = append(all[p.label], one)
		}
	}
	medians := map[string]sample{}
	for label, samples := range all {
		medians[label] = middle(samples)
	}
	return medians, nil
}

func (s *stack) once(ctx context.Context, p path) (sample, error) {
	l := load.Start(ctx, load.Options{Targets: []string{s.target(p.port)}, Workers: workers, KeepAlive: 1, Header: cookie})
	defer l.Stop()
	if err := rest(ctx, warm); err != nil {
		return sample{}, err
	}
	before, err := s.cpu(ctx, p.service)
	if err != nil {
		return sample{}, err
	}
	began := time.Now()
	if err := rest(ctx, span); err != nil {
		return sample{}, err
	}
	took := time.Since(began)
	st := l.Since(began)
	after, err := s.cpu(ctx, p.service)
	if err != nil {
		return sample{}, err
	}
	all := l.Since(began) // the load went on while the CPU time was read
	if st.Total == 0 {
		return sample{}, fmt.Errorf("no request ended: %s", st)
	}
	return sample{
		rate: float64(st.Total) / took.Seconds(), p50: st.Quantile(.5), p99: st.Quantile(.99),
		cpu: (after - before) / time.Duration(max(all.Total, 1)), failed: st.Failed,
	}, nil
}

// rest lets the load run for a while: the time itself is what is measured.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// tick is the unit of CPU times in /proc.
const tick = 10 * time.Millisecond

// cpu is the CPU time that the process of the service's container on the asked node has used.
func (s *stack) cpu(ctx context.Context, service string) (time.Duration, error) {
	n := s.lab.Node("n2")
	id, err := n.Docker(ctx, "ps", "-q", "--filter", "label=com.docker.swarm.service.name="+service)
	if err != nil {
		return 0, err
	}
	pid, err := n.Docker(ctx, "inspect", "--format", "{{.State.Pid}}", id)
	if err != nil {
		return 0, err
	}
	stat, err := n.Exec(ctx, "cat", "/proc/"+pid+"/stat")
	if err != nil {
		return 0, err
	}
	_, numbers, _ := strings.Cut(stat, ") ") // the name before it may hold anything
	f := strings.Fields(numbers)
	if len(f) < 13 {
		return 0, fmt.Errorf("/proc/%s/stat: %q", pid, stat)
	}
	user, err := strconv.Atoi(f[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(f[12])
	return time.Duration(user+system) * tick, err
}

func middle(samples []sample) sample {
	return sample{
		rate:   median(samples, func(s sample) float64 { return s.rate }),
		p50:    median(samples, func(s sample) time.Duration { return s.p50 }),
		p99:    median(samples, func(s sample) time.Duration { return s.p99 }),
		cpu:    median(samples, func(s sample) time.Duration { return s.cpu }),
		failed: samples[0].failed + sum(samples[1:]),
	}
}

func sum(samples []sample) (failed int) {
	for _, s := range samples {
		failed += s.failed
	}
	return failed
}

func median[S any, T float64 | time.Duration](samples []S, of func(S) T) T {
	var values []T
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
