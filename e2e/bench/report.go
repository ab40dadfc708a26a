//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// report prints the results, each with its goal.
type report struct {
	out    io.Writer
	missed int
}

func newReport(out io.Writer) *report { return &report{out: out} }

func (r *report) printf(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

// goal prints one result beside what it should be.
func (r *report) goal(what, result, goal string, met bool) {
	word := "met"
	if !met {
		word = "MISSED"
		r.missed++
	}
	r.printf("  %-46s %10s   goal %-8s %s", what, result, goal, word)
}

func (r *report) about() {
	r.printf("One drained manager and two workers, the load and all of HAProxy on one machine with %d CPUs: compare within this run only.", runtime.NumCPU())
}

func (r *report) throughput(s map[string]sample) {
	r.printf("\nThroughput: %d kept connections in a closed loop, medians of %d turns of %s each", workers, rounds, span)
	r.printf("  %-20s %12s %9s %9s %20s %8s", "way", "requests/s", "p50", "p99", "its CPU per request", "failed")
	for _, p := range paths {
		m := s[p.label]
		r.printf("  %-20s %12.0f %9s %9s %20s %8d", p.label, m.rate, ms(m.p50), ms(m.p99), m.cpu.Round(100*time.Nanosecond), m.failed)
	}
	plain, ours := s[paths[1].label], s[paths[2].label]
	ratio := ours.rate / plain.rate
	r.goal("our proxy against plain HAProxy, requests/s", percent(ratio), "≥ 95 %", ratio >= 0.95)
	if plain.cpu > 0 {
		cost := float64(plain.cpu) / float64(ours.cpu)
		r.printf("  %-46s %10s   (the load shares the CPUs: this ratio does not depend on it)", "the same by CPU time per request", percent(cost))
	}
}

// shares prints the median of the turns' ratios, since a turn's two samples had the same machine.
func (r *report) shares(turns [][2]sample) {
	r.printf("\nA share of 25 %% by cookie and a guard: %d turns with new processes, %d kept connections in a closed loop, %s each", len(turns), workers, span)
	r.printf("  %-36s %12s %9s %9s %20s %8s", "way", "requests/s", "p50", "p99", "its CPU per request", "failed")
	for i, p := range sharePaths {
		var samples []sample
		for _, t := range turns {
			samples = append(samples, t[i])
		}
		m := middle(samples)
		r.printf("  %-36s %12.0f %9s %9s %20s %8d", p.label, m.rate, ms(m.p50), ms(m.p99), m.cpu.Round(100*time.Nanosecond), m.failed)
	}
	rate := median(turns, func(t [2]sample) float64 { return t[1].rate / t[0].rate })
	r.goal("requests/s with share and guard", percent(rate), "≥ 97 %", rate >= 0.97)
	var paced [2]load.Stats
	for _, t := range turns {
		for i := range paced {
			paced[i].Add(t[i].paced)
		}
	}
	ours, with := paced[0].Quantile(.99), paced[1].Quantile(.99)
	slower := float64(with) / float64(ours)
	r.goal(fmt.Sprintf("p99 of all turns, both at once, %d requests/s each: %s, without %s", shareRate, ms(with), ms(ours)), fmt.Sprintf("%.2f×", slower), "≤ 1.05×", slower <= 1.05)
}

func (r *report) flips(f flipResult) {
	r.printf("\nFlips: %d under %d requests/s to both workers, half on kept connections, a third POSTs; medians", flipCount, flipRate)
	r.goal(fmt.Sprintf("failed of %d requests", f.total), fmt.Sprint(f.failed), "0", f.failed == 0)
	r.goal("of the old color, begun after a flip had returned", fmt.Sprint(f.stale), "0", f.stale == 0)
	r.goal("docker bluegreen flip", fmt.Sprintf("%.2fs", f.took.Seconds()), "≤ 1.5s", f.took <= 1500*time.Millisecond)
	r.goal(fmt.Sprintf("first to last acknowledge (%d jobs, worst %s)", f.heard, ms(f.worst)), ms(f.spread), "≤ 10ms", f.heard > 0 && f.spread <= 10*time.Millisecond)
	ratio := float64(f.orders) / float64(max(f.steady, 1))
	r.goal(fmt.Sprintf("p99 during flips %s, between them %s", ms(f.orders), ms(f.steady)), fmt.Sprintf("%.2f×", ratio), "≤ 1.2×", ratio <= 1.2)
}

func (r *report) deploys(d deployResult) {
	r.printf("\nDeploying %d plain services and %d blue-green ones, images present; medians of %d turns", plainServices, blueGreenServices, deployRounds)
	ratio := float64(d.up) / float64(d.stackDeploy)
	r.goal(fmt.Sprintf("up from nothing %.1fs, docker stack deploy %.1fs", d.up.Seconds(), d.stackDeploy.Seconds()), fmt.Sprintf("%.2f×", ratio), "≤ 1×", ratio <= 1)
	r.goal("up with nothing to do", fmt.Sprintf("%.2fs", d.again.Seconds()), "≤ 0.5s", d.again <= 500*time.Millisecond)
}

func (r *report) weight(w weight) {
	r.printf("\nThe plugin")
	ratio := float64(w.plugin) / float64(w.docker)
	r.goal(fmt.Sprintf("docker bluegreen version %s, docker version %s", ms(w.plugin), ms(w.docker)), fmt.Sprintf("%.2f×", ratio), "≤ 2×", ratio <= 2)
	r.printf("  %-46s %10s   (docker starts it twice: for its description, then for the command)", "one start of the plugin itself", ms(w.alone))
	r.goal("size", fmt.Sprintf("%.1f MB", float64(w.size)/1e6), "≤ 26 MB", w.size <= 26e6)
}

// verdict tells how many goals were missed. That is no error: on a busy machine times are what they
// are.
func (r *report) verdict() error {
	if r.missed == 0 {
		r.printf("\nall goals met")
	} else {
		r.printf("\n%d goals missed", r.missed)
	}
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2fms", float64(d)/float64(time.Millisecond)) }

func percent(ratio float64) string { return fmt.Sprintf("%.0f %%", 100*ratio) }
