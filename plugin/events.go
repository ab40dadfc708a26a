package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
)

func newEventsCommand(a *app) *cobra.Command {
	var f format
	cmd := &cobra.Command{
		Use:   "events [OPTIONS]",
		Short: "Show what happens to stacks, until Ctrl-C",
		Long: `Show what happens to all stacks that have blue-green services, or to the stack of -p,
until Ctrl-C: whoever does it, from whatever machine. events changes nothing, and needs
no file.

On a terminal it writes a line for a person, elsewhere one JSON object on each line;
--format chooses. There is an event when

  - an alias leads to another color (moved), a share changes, requests wait, are refused,
    or get through again (paused, maintenance, live)
  - a release begins, passes its tests, waits for promote, fails, is withdrawn or rolled
    back, or a color gets its earlier release again (restored)
  - a guard takes the traffic back (tripped), or ends (kept)
  - a command takes the lock of a stack, opens it, or ends
  - a color is started, scaled, stopped or removed, and proxies begin or are replaced
  - a task of a color, or a proxy, is ready or has failed

If the engine goes away, events says so and goes on when it is back. It then tells what
is different from before. What lasts less than a second may be missed.

The fields of the JSON form are stable: new ones may come, none changes.`,
		Example: `  docker bluegreen events
  docker bluegreen events -p shop --format json >> events.log

  # Only where traffic goes
  docker bluegreen events --format json |
    jq -c 'select(.what == "moved" or .what == "tripped")'`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.header != "" {
				return badFlag("events", "--format: events are lines, not a table: leave the word table out")
			}
			return a.runEvents(cmd.Context(), f)
		},
	}
	formatVar(cmd, &f, "Form of the output; default: for people on a terminal, else json")
	flag := cmd.Flags().Lookup("format")
	f.text, flag.DefValue = "", ""
	return cmd
}

func (a *app) runEvents(ctx context.Context, f format) error {
	stack, err := a.oneStack(ctx)
	if err != nil {
		return err
	}
	if f.text == "" {
		f.text = formatJSON
		if a.Out().IsTerminal() {
			f.text = formatTable
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err = a.open(stack, nil).Events(ctx, func(e feed.Event) {
		if err := writeEvent(a.Out(), e, f, stack == ""); err != nil {
			cancel(err) // nobody reads, or the template does not fit
		}
	})
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil && err != context.Canceled { //nolint:errorlint // Ctrl-C is how it ends
		return err
	}
	return nil
}

// writeEvent writes one event on one line.
func writeEvent(out io.Writer, e feed.Event, f format, stacks bool) error {
	if f.text == formatJSON {
		return writeJSONLine(out, e)
	}
	return f.write(out, e, func() error {
		_, err := fmt.Fprintln(out, e.Time.Local().Format("15:04:05"), printable(oneLine(eventLine(e, stacks))))
		return err
	})
}

// eventLine says an event in words. With stacks, it names the stack of each.
func eventLine(e feed.Event, stacks bool) string {
	where := e.Service
	if stacks && e.Stack != "" {
		where = strings.TrimSuffix(e.Stack+"/"+e.Service, "/")
	}
	text := eventText(e)
	if e.By != "" {
		text += fmt.Sprintf(" (%s of %s)", e.Command, e.By)
	}
	if where == "" {
		return text
	}
	return where + ": " + text
}

func eventText(e feed.Event) string {
	at := released(e.Color, e.Release)
	with := func(text string) string {
		if e.Text != "" {
			return text + ": " + e.Text
		}
		return text
	}
	switch e.What {
	case feed.Moved, feed.Tripped:
		text := "-> " + at
		if e.From != "" {
			text = released(e.From, e.FromRelease) + " " + text
		}
		if e.What == feed.Tripped {
			text += ", its guard took the traffic back"
		}
		return with(text)
	case feed.Shared:
		return fmt.Sprintf("%s gets %d %%", at, *e.Share)
	case feed.Began:
		return with(at + " begins")
	case feed.Restored:
		return with(at + " is there again")
	case feed.Started, feed.Scaled, feed.Stopped:
		return fmt.Sprintf("%s is %s: %s", at, e.What, cluster.Count(*e.Tasks, "task"))
	case feed.Ready:
		return fmt.Sprintf("%s on %s is ready", e.Task, e.Node)
	case feed.TaskFailed:
		return with(fmt.Sprintf("%s on %s failed", e.Task, e.Node))
	case feed.Proxies:
		return with("proxies")
	case feed.Removed:
		if e.Color == "" {
			return "proxies are removed"
		}
		return at + " is removed"
	case feed.Paused:
		return "requests wait"
	case feed.Maintenance:
		return with("requests are refused")
	case feed.Live:
		return "requests get through again"
	case feed.Waits:
		return at + " waits for promote"
	case feed.Tested:
		return at + " has passed its tests"
	case feed.Kept:
		return at + " has kept the traffic, its guard has ended"
	case feed.Failed, feed.Withdrawn, feed.RolledBack:
		return with(fmt.Sprintf("%s %s", at, map[feed.What]string{feed.Failed: "failed", feed.Withdrawn: "is withdrawn", feed.RolledBack: "was rolled back"}[e.What]))
	case feed.Disconnected:
		return with("the engine does not answer, waiting for it")
	case feed.Connected:
		return "the engine answers again"
	}
	return with(string(e.What)) // of the lock
}

// released is a color with the number of its release.
func released(color string, number int) string {
	if number == 0 {
		return color
	}
	return fmt.Sprintf("%s (%d)", color, number)
}
