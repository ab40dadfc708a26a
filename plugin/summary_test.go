package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// statusOf is a stack with one blue-green service and one plain one.
func statusOf(active string, waits bool, worker string) *swarm.Status {
	colors := []swarm.ColorStatus{
		{Color: "blue", Release: 3, Active: active == "blue", Swarm: swarm.SwarmService{Image: "shop/web:1.4"}},
		{Color: "green", Release: 4, Active: active == "green", Waiting: waits, Swarm: swarm.SwarmService{Image: "shop/web:1.5"}},
	}
	return &swarm.Status{Stack: "shop", Services: []swarm.ServiceStatus{
		{Name: "web", Kind: "bluegreen", Route: &swarm.RouteStatus{Active: active}, Colors: colors},
		{Name: "worker", Kind: "plain", Swarm: swarm.SwarmService{Image: worker}},
	}}
}

// The summary of a step says what changed, what the proxies counted, why it failed, and what to type
// next.
func TestSummary(t *testing.T) {
	slowest := int64(83)
	events := []cluster.Event{
		{Service: "web", Step: "color green", State: cluster.Working, Text: "1 of 2 tasks ready"},
		{Service: "web", Step: "color green", State: cluster.Done, Text: "ready in every proxy"},
		{Service: "web", Step: "flip", State: cluster.Done, Text: "blue → green"},
		{Service: "web", Step: "receipt", State: cluster.Done, Text: "1200 requests", Receipt: &cluster.Receipt{Held: 2, Slowest: &slowest,
			Colors: map[string]cluster.ReceiptColor{"blue": {Requests: 700}, "green": {Requests: 500, Failed: 1}}}},
	}
	evil := "a`b``c|d <img src=x onerror=alert(1)>\n```\n# [x](javascript:y) ::error::z\x1b[31m\u202e"
	for name, c := range map[string]struct {
		before, after *swarm.Status
		failed        error
		events        []cluster.Event
	}{
		"flipped":     {statusOf("blue", false, "shop/worker:1"), statusOf("green", false, "shop/worker:2"), nil, events},
		"first":       {nil, statusOf("green", false, "shop/worker:2"), nil, events[:2]},
		"waits":       {statusOf("blue", false, "shop/worker:1"), statusOf("blue", true, "shop/worker:1"), nil, events[:2]},
		"nothing":     {statusOf("blue", false, "shop/worker:1"), statusOf("blue", false, "shop/worker:1"), nil, nil},
		"unhealthy":   {statusOf("blue", false, "shop/worker:1"), statusOf("blue", false, "shop/worker:1"), &cluster.UnhealthyError{Service: "web", Color: "green", Cause: "3 tasks failed"}, events[:1]},
		"unconfirmed": {statusOf("blue", false, "shop/worker:1"), statusOf("green", false, "shop/worker:1"), &cluster.UnconfirmedError{Service: "web"}, events[:1]},
		"evil": {nil, statusOf("green", false, "x|`"+evil), errors.New(evil),
			[]cluster.Event{{Service: evil, Step: evil, State: cluster.Failed, Text: evil}}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "summary")
			h := inCI(map[string]string{"GITHUB_ACTIONS": "true", summaryVariable: file}, c.failed, c.events...)
			looks := []*swarm.Status{c.before, c.after}
			h.op.status = func(context.Context, bool, ...string) (*swarm.Status, error) {
				seen := looks[0]
				if looks = looks[1:]; seen == nil {
					return nil, cluster.ErrNothingDeployed
				}
				return seen, nil
			}
			h.printed("-p", "shop", "up")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("summary", name+".md"), string(text))
		})
	}
}

// Several commands of a step add to its summary; those that are not wanted write none.
func TestSummaryIsAdded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	env := map[string]string{"GITHUB_ACTIONS": "true", summaryVariable: file}
	for _, args := range [][]string{{"up"}, {"--progress", "json", "up"}, {"--ci", "none", "up"}, {"--bogus"}} {
		h := inCI(env, nil)
		h.op.status = func(context.Context, bool, ...string) (*swarm.Status, error) {
			return statusOf("blue", false, "w"), nil
		}
		h.printed(append([]string{"-p", "shop"}, args...)...)
	}
	h := inCI(env, nil)
	h.load = compose.Load
	h.printed("-p", "shop", "-f", "/nowhere/stack.yml", "up")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "### ✅ docker bluegreen up `shop`"); got != 2 {
		t.Errorf("%d summaries of up", got)
	}
	if want := "### ❌ docker bluegreen\n\nExit code 1: an error; stderr has the message.\n\n```text\ncompose file /nowhere/stack.yml: no such file or directory\n```\n\n"; !strings.HasSuffix(string(text), want) {
		t.Errorf("%s", text)
	}
}

// A summary that cannot be written is no failure.
func TestSummaryCannotBeWritten(t *testing.T) {
	h := inCI(map[string]string{"GITHUB_ACTIONS": "true", summaryVariable: t.TempDir()}, nil)
	h.op.status = func(context.Context, bool, ...string) (*swarm.Status, error) {
		return statusOf("blue", false, "w"), nil
	}
	if err := h.run("-p", "shop", "up"); err != nil || !strings.Contains(h.err.String(), "warning: GITHUB_STEP_SUMMARY: ") {
		t.Errorf("%v, %q", err, h.err.String())
	}
}

// Code in Markdown ends where it should: its fence is longer than any in the text.
func TestMarkdown(t *testing.T) {
	for text, want := range map[string]string{
		"web":      "`web`",
		"a|b":      "`a\\|b`",
		"a`b":      "`` a`b ``",
		"``":       "``` `` ```",
		"a\nb\x1b": "`a b`",
		"":         "",
	} {
		if got := markdownCode(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got, want := markdownBlock("a\n````\nb\n"), "`````text\na\n````\nb\n`````\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
