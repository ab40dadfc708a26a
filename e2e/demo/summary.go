//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// summary prints the counts of each command and of all traffic; it is an error if any request
// failed or was answered by the wrong color.
func summary(s *screen, phases []phase, total load.Stats, inside calls) error {
	s.print("")
	s.print(fmt.Sprintf("  %-10s %8s %10s %11s %8s %13s", "command", "took", "blue (v1)", "green (v2)", "failed", "wrong color"))
	stale := 0
	for _, p := range phases {
		stale += p.stale
		s.print(row(p.name, fmt.Sprintf("%.1fs", p.took.Seconds()), p.stats, p.stale))
	}
	s.print(row("all", "", total, stale))
	s.print("")
	s.say("%d requests from outside: %d failed; %d from web to http://api:8080: %d failed", total.Total, total.Failed,
		inside.OK+inside.Failed, inside.Failed)
	if total.Failed+inside.Failed+stale == 0 {
		return nil
	}
	var failures strings.Builder
	for _, f := range total.Failures {
		fmt.Fprintf(&failures, "\n  %s", f)
	}
	for _, text := range inside.Errors {
		fmt.Fprintf(&failures, "\n  web to api: %s", text)
	}
	return fmt.Errorf("%d requests failed, %d were answered by the wrong color%s", total.Failed+inside.Failed, stale, failures.String())
}

func row(name, took string, s load.Stats, stale int) string {
	return fmt.Sprintf("  %-10s %8s %10d %11d %8d %13d", name, took, s.Versions[colors[0].version], s.Versions[colors[1].version], s.Failed, stale)
}
