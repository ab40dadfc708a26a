package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
)

// writeProxies writes what each proxy said: its route, its servers and their checks, and the
// requests in flight.
func writeProxies(out io.Writer, l look, s *swarm.Status) error {
	for _, service := range s.Services {
		if len(service.Proxies) == 0 {
			continue
		}
		fmt.Fprintln(out)
		t := newTable(out, l, "PROXY OF "+strings.ToUpper(service.Name), "NODE", "STATE", "CHECK", "IN FLIGHT")
		for _, p := range service.Proxies {
			writeProxy(t, p)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func writeProxy(t *table, p swarm.ProxyStatus) {
	if p.Error != "" {
		t.row("  "+p.Task, dash(p.Node), "no answer: "+oneLine(p.Error))
		return
	}
	t.row("  "+p.Task, dash(p.Node), leads(p), counted(p.Figures), inFlight(p.InFlight))
	for _, s := range p.Servers {
		mark := "  "
		if s.Color == p.Active {
			mark = "* "
		}
		t.row(fmt.Sprintf("%s  %s %s:%d", mark, s.Color, s.Address, s.Port), none, s.Status, dash(s.Check), fmt.Sprint(s.InFlight))
	}
}

// counted is what a proxy has counted while its guard watches.
func counted(byColor map[string]swarm.ProxyFigures) string {
	var parts []string
	for color, f := range byColor {
		if f.Requests > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f %% of %d failed, %d ms", color, 100*float64(f.Failed)/float64(f.Requests), f.Requests, f.Milliseconds))
		}
	}
	slices.Sort(parts)
	return dash(strings.Join(parts, "; "))
}

// inFlight lists the requests in flight by color, in the order of the colors' names.
func inFlight(byColor map[string]int) string {
	var parts []string
	for color, n := range byColor {
		parts = append(parts, fmt.Sprintf("%s %d", color, n))
	}
	slices.Sort(parts)
	return dash(strings.Join(parts, ", "))
}

func dash(s string) string {
	if s == "" {
		return none
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// leads says where a proxy sends, and by which route.
func leads(p swarm.ProxyStatus) string {
	if p.Share > 0 {
		return fmt.Sprintf("-> %s (%d), %d %% to the other", p.Active, p.Sequence, p.Share)
	}
	return fmt.Sprintf("-> %s (%d)", p.Active, p.Sequence)
}
