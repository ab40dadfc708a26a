package plugin

import (
	"fmt"
	"strings"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Values of --progress.
const (
	progressAuto  = "auto"
	progressTTY   = "tty"
	progressPlain = "plain"
	progressJSON  = "json"
	progressQuiet = "quiet"
)

var progressModes = []string{progressAuto, progressTTY, progressPlain, progressJSON, progressQuiet}

// progress shows events to a person or a machine. It may be used by several goroutines;
// events after Close are dropped.
type progress interface {
	Event(cluster.Event)
	Close()
}

// newProgress shows events as --progress asks for, and tells them those who watch beside that.
func (a *app) newProgress(title string) progress {
	if a.tell == nil {
		return a.renderer(title)
	}
	return tee{a.renderer(title), a.tell}
}

// tee shows events and tells them somebody else, too.
type tee struct {
	progress
	tell func(cluster.Event)
}

func (t tee) Event(e cluster.Event) {
	t.progress.Event(e)
	t.tell(e)
}

// renderer returns the renderer that --progress asks for. It writes to stderr: stdout is for data.
func (a *app) renderer(title string) progress {
	switch a.common.progress {
	case progressQuiet:
		return quiet{}
	case progressJSON:
		return newJSONProgress(a.Err(), a.now)
	case progressPlain:
		return newPlainProgress(a.Err(), a.now)
	case progressTTY:
		return a.startTTY(title)
	}
	if a.Err().IsTerminal() && a.getenv("TERM") != "dumb" {
		return a.startTTY(title)
	}
	return newPlainProgress(a.Err(), a.now)
}

func (a *app) startTTY(title string) *ttyProgress {
	p := newTTYProgress(a.Err(), a.Err().GetTtySize, a.now, chooseLook(a.getenv), title)
	p.start()
	return p
}

// quiet shows nothing.
type quiet struct{}

func (quiet) Event(cluster.Event) {}
func (quiet) Close()              {}

// stepKey tells steps apart.
type stepKey struct{ service, step string }

func keyOf(e cluster.Event) stepKey { return stepKey{e.Service, e.Step} }

// label names a step for a person, for example "web color green".
func label(e cluster.Event) string {
	return printable(strings.TrimSpace(e.Service + " " + e.Step))
}

// hang puts a text of several lines below its label, set off from it.
func hang(text string) string {
	text = strings.TrimRight(text, "\n")
	if !strings.Contains(text, "\n") {
		return text
	}
	return "\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// stopwatch knows how long each step has been going on.
type stopwatch map[stepKey]time.Time

// lap returns how long the step has taken when the event ends it, and false when that cannot be
// told.
func (s stopwatch) lap(e cluster.Event, now time.Time) (time.Duration, bool) {
	began, known := s[keyOf(e)]
	switch e.State {
	case cluster.Working:
		if !known {
			s[keyOf(e)] = now
		}
	case cluster.Done, cluster.Failed:
		delete(s, keyOf(e))
		return now.Sub(began), known
	}
	return 0, false
}

// seconds formats the time that a step took.
func seconds(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}
