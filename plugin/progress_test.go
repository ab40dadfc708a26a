package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// happened is an event and the time since the one before it.
type happened struct {
	after time.Duration
	cluster.Event
}

// anUp is what an up may tell.
var anUp = []happened{
	{0, cluster.Event{Step: "plan", State: cluster.Done, Text: "web: a new release on green: image\nworker: 2 -> 3 replicas"}},
	{100 * time.Millisecond, cluster.Event{Step: "network shop_default", State: cluster.Done, Text: "exists"}},
	{0, cluster.Event{Service: "web", Step: "color green", State: cluster.Working, Text: "0 of 3 tasks ready"}},
	{time.Second, cluster.Event{Service: "web", Step: "color green", State: cluster.Working, Text: "0 of 3 tasks ready"}},
	{0, cluster.Event{Service: "web", Step: "color green", State: cluster.Warning, Text: "no digest of shop/web:1.5\x1b[2J"}},
	{0, cluster.Event{Service: "web", Step: "color green", State: cluster.Warning, Text: "no digest of shop/web:1.5\x1b[2J"}},
	{time.Second, cluster.Event{Service: "web", Step: "color green", State: cluster.Working, Text: "2 of 3 tasks ready"}},
	{0, cluster.Event{Service: "worker", Step: "deploy", State: cluster.Working}},
	{1200 * time.Millisecond, cluster.Event{Service: "web", Step: "color green", State: cluster.Done, Text: "3 of 3 tasks ready"}},
	{65 * time.Second, cluster.Event{Service: "worker", Step: "deploy", State: cluster.Failed, Text: "task shop_worker.3 was rejected"}},
	{0, cluster.Event{Service: "web", Step: "flip", State: cluster.Working, Text: "blue → green"}},
}

func play(p progress, c *clock, events []happened) {
	for _, e := range events {
		c.advance(e.after)
		p.Event(e.Event)
	}
}

func TestPlainProgress(t *testing.T) {
	var b strings.Builder
	c := newClock()
	p := newPlainProgress(&b, c.now)
	play(p, c, anUp)
	p.Close()
	p.Event(cluster.Event{Step: "late", State: cluster.Done})
	golden(t, "progress.plain", b.String())
}

func TestJSONProgress(t *testing.T) {
	var b strings.Builder
	c := newClock()
	p := newJSONProgress(&b, c.now)
	play(p, c, anUp)
	p.Close()
	p.Event(cluster.Event{Step: "late", State: cluster.Done})
	golden(t, "progress.json", b.String())
}

func TestProgressMode(t *testing.T) {
	for name, c := range map[string]struct {
		mode, term string
		terminal   bool
		want       string
	}{
		"terminal":       {progressAuto, "xterm", true, "*plugin.ttyProgress"},
		"no terminal":    {progressAuto, "xterm", false, "*plugin.plainProgress"},
		"dumb terminal":  {progressAuto, "dumb", true, "*plugin.plainProgress"},
		"tty by wish":    {progressTTY, "", false, "*plugin.ttyProgress"},
		"plain by wish":  {progressPlain, "xterm", true, "*plugin.plainProgress"},
		"json by wish":   {progressJSON, "xterm", true, "*plugin.jsonProgress"},
		"quiet by wish":  {progressQuiet, "xterm", true, "plugin.quiet"},
		"never selected": {"", "xterm", false, "*plugin.plainProgress"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness()
			h.common.progress = c.mode
			h.getenv = func(name string) string { return map[string]string{"TERM": c.term}[name] }
			h.Err().SetIsTerminal(c.terminal)
			p := h.newProgress("up shop")
			p.Close()
			if got := typeName(p); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
