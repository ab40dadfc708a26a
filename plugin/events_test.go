package plugin

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
)

func shopEvents() []feed.Event {
	e := func(what feed.What) feed.Event { return feed.Event{Time: noon, What: what, Stack: "shop"} }
	web := func(what feed.What, color string, release int) feed.Event {
		e := e(what)
		e.Service, e.Color, e.Release = "web", color, release
		return e
	}
	var all []feed.Event
	add := func(e feed.Event, change func(*feed.Event)) {
		if change != nil {
			change(&e)
		}
		all = append(all, e)
	}
	by := func(e *feed.Event) { e.By, e.Command = "ann@desk", "up" }
	add(e(feed.Locked), by)
	add(e(feed.LockOpened), func(e *feed.Event) { e.Text = "smoke tests release 8 of web" })
	add(web(feed.Began, "green", 8), func(e *feed.Event) { by(e); e.Text = "shop/web:1.5" })
	add(web(feed.Stopped, "blue", 7), func(e *feed.Event) { e.Tasks = new(0) })
	add(web(feed.Scaled, "blue", 7), func(e *feed.Event) { e.Tasks = new(1) })
	add(web(feed.Ready, "green", 8), func(e *feed.Event) { e.Task, e.Node = "shop_web-green.1", "n2" })
	add(web(feed.TaskFailed, "green", 8), func(e *feed.Event) {
		e.Task, e.Node, e.Text = "shop_web-green.1", "n2", "task: non-zero exit (1)\x1b[2J\nsecond line"
	})
	add(web(feed.Proxies, "", 0), func(e *feed.Event) { e.Text = "they are replaced" })
	add(web(feed.Tested, "green", 8), nil)
	add(web(feed.Waits, "green", 8), nil)
	add(web(feed.Moved, "green", 8), func(e *feed.Event) { by(e); e.From, e.FromRelease = "blue", 7 })
	add(web(feed.Shared, "blue", 7), func(e *feed.Event) { e.Share = new(20) })
	add(web(feed.Tripped, "blue", 7), func(e *feed.Event) { e.From, e.FromRelease, e.Text = "green", 8, "5 % of 100 failed" })
	for _, what := range []feed.What{feed.Kept, feed.Restored, feed.Failed, feed.Withdrawn, feed.RolledBack, feed.Paused, feed.Maintenance, feed.Live, feed.Removed} {
		add(web(what, "green", 8), nil)
	}
	add(web(feed.Removed, "", 0), nil)
	add(e(feed.Unlocked), by)
	add(feed.Event{Time: noon, What: feed.Disconnected, Text: "unexpected EOF"}, nil)
	add(feed.Event{Time: noon, What: feed.Connected}, nil)
	return all
}

// What events prints for people, and for machines: these get one object on each line.
func TestEvents(t *testing.T) {
	zone := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = zone })
	for _, tc := range []struct {
		args []string
		file string
	}{
		{[]string{"events"}, "events.json"}, // this is no terminal
		{[]string{"events", "--format", "table"}, "events.table"},
		{[]string{"events", "-p", "shop", "--format", "table"}, "events.shop.table"},
		{[]string{"events", "--format", "{{.What}} {{.Service}}"}, "events.template"},
	} {
		h := newHarness()
		h.op.events = func(_ context.Context, emit func(feed.Event)) error {
			for _, e := range shopEvents() {
				emit(e)
			}
			return nil
		}
		if err := h.run(tc.args...); err != nil {
			t.Errorf("%q: %v", tc.args, err)
		}
		golden(t, tc.file, h.out.String())
	}
}

func TestEventsEnd(t *testing.T) {
	h := newHarness()
	h.op.events = func(ctx context.Context, emit func(feed.Event)) error {
		emit(feed.Event{})
		<-ctx.Done()
		return nil
	}
	if err := h.run("events", "--format", "{{.Nothing}}"); err == nil || !strings.Contains(err.Error(), "Nothing") {
		t.Errorf("a template that does not fit: %v", err)
	}
	h.op.events = func(context.Context, func(feed.Event)) error { return errors.New("no manager") }
	if err := h.run("events"); exitCode(err) != cluster.ExitError {
		t.Errorf("without a manager: %v", err)
	}
	if err := h.run("events", "shop"); err == nil || !strings.Contains(err.Error(), "write -p shop") {
		t.Errorf("with an argument: %v", err)
	}
}
