package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"github.com/docker/cli/cli/streams"
	"github.com/hinshun/vt10x"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// screenFile is what the session deploys.
const screenFile = `
services:
  web:
    image: shop/web:1.4
    ports: ["80:8080"]
    deploy: {replicas: 3}
    x-bluegreen: {canary: {by: cookie session}}
  worker:
    image: shop/worker:7
`

// TestScreens is a day with the plugin on a terminal: each command is typed on a real pseudo
// terminal against a swarm in memory, and what stands on the screen in the end is compared, at two
// widths.
func TestScreens(t *testing.T) {
	for _, width := range []int{80, 140} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			p := newPane(t, width)
			synctest.Test(t, func(t *testing.T) {
				d := &day{t: t, pane: p, swarm: swarmtest.New(1), dir: t.TempDir()}
				defer d.swarm.Close()
				d.work()
			})
			golden(t, fmt.Sprintf("screens.%d", width), p.session.String())
		})
	}
}

// work is what a person types.
func (d *day) work() {
	d.swarm.Apps = map[string]swarmtest.App{
		"shop/web:1.6": {Start: time.Second, Fails: true, Log: []string{"\x1b[31mpanic:\x1b[0m no database"}},
	}
	d.swarm.Default = swarmtest.App{Start: 2 * time.Second, Log: []string{"listening on 8080"}}
	d.write("shop/web:1.4")
	d.types("up")
	d.write("shop/web:1.5")
	d.types("up --resolve-image never --dry-run")
	d.types("up --resolve-image never")
	d.types("status")
	d.types("status --live web")
	d.types("ls")
	d.types("flip")
	d.types("rollback")
	d.write("shop/web:1.6")
	d.types("up --resolve-image never")
	d.write("shop/web:1.7")
	d.types("up --resolve-image never --no-flip")
	d.types("canary 25")
	d.types("status")
	d.types("promote")
	d.types("pause --max 20s")
	d.types("status web")
	d.types("resume")
	d.types("maintenance")
	d.types("live")
	d.types("wait")
	d.types("history")
	d.types("status nosuch")
	d.types("up wbe")
	d.types("down --dry-run")
	d.types("down")
	d.types("status")
}

// day is a person with a swarm and a terminal.
type day struct {
	t     *testing.T
	pane  *pane
	swarm *swarmtest.Swarm
	dir   string
}

func (d *day) write(image string) {
	d.t.Helper()
	text := strings.Replace(screenFile, "shop/web:1.4", image, 1)
	if err := os.WriteFile(filepath.Join(d.dir, "compose.yaml"), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// types runs a command, and a minute later it is the turn of the next.
func (d *day) types(line string) {
	d.t.Helper()
	out := streams.NewOut(d.pane.tty)
	h := newHarness()
	h.Streams = memoryStreams{h.In(), out, out}
	h.app.open = func(stack string, emit func(cluster.Event)) operator {
		return ann{swarm.New(d.swarm.Engine(), stack, emit)}
	}
	h.auth = func(string) (string, error) { return "", nil }
	h.commit = func(context.Context, string) string { return "3f2a91c07d3e5b6a" }
	h.signals, h.now = nobody{}, time.Now
	h.getenv = func(name string) string { return map[string]string{"LANG": "C.UTF-8"}[name] }
	err := h.run(append([]string{"-p", "shop", "-f", filepath.Join(d.dir, "compose.yaml")}, strings.Fields(line)...)...)
	if err != nil {
		h.reportError(err)
	}
	d.pane.keep(d.t, line, exitCode(err))
	time.Sleep(time.Minute)
}

// ann is who types, on whatever machine the test runs.
type ann struct{ *swarm.Operator }

func (o ann) History(ctx context.Context, services []string) (*swarm.History, error) {
	h, err := o.Operator.History(ctx, services)
	if err != nil {
		return nil, err
	}
	for i := range h.Releases {
		h.Releases[i].By = "ann@desk"
	}
	return h, nil
}

// nobody sends no signals.
type nobody struct{}

func (nobody) watch(parent context.Context) context.Context { return parent }
func (nobody) onForce(func())                               {}

// pane is a terminal on a pseudo terminal of the system.
type pane struct {
	tty     *os.File
	width   int
	mu      sync.Mutex
	raw     strings.Builder
	session strings.Builder
}

// mark is written after each command, so that all before it is known to have come.
const mark = "\x1b]0;end\a"

func newPane(t *testing.T, width int) *pane {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 60, Cols: uint16(width)}); err != nil { //nolint:gosec // 80 or 140
		t.Fatal(err)
	}
	p := &pane{tty: tty, width: width}
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 32<<10)
		for {
			n, err := master.Read(buffer)
			p.mu.Lock()
			p.raw.Write(buffer[:n])
			p.mu.Unlock()
			if err != nil {
				if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "input/output error") { // how Linux says that it was closed
					t.Error(err)
				}
				return
			}
		}
	})
	t.Cleanup(func() {
		tty.Close()
		reading.Wait()
		master.Close()
	})
	return p
}

// keep writes down what stands on the screen, and begins a new one.
func (p *pane) keep(t *testing.T, line string, code int) {
	t.Helper()
	if _, err := io.WriteString(p.tty, mark); err != nil {
		t.Fatal(err)
	}
	var text string
	for ended := false; !ended; {
		p.mu.Lock()
		text, _, ended = strings.Cut(p.raw.String(), mark)
		if ended {
			p.raw.Reset()
		}
		p.mu.Unlock()
	}
	screen := vt10x.New(vt10x.WithSize(p.width, 60))
	if _, err := io.WriteString(screen, text); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&p.session, "$ docker bluegreen %s\n%s", line, steady(screen.String()))
	if code != 0 {
		fmt.Fprintf(&p.session, "[exit %d]\n", code)
	}
	p.session.WriteString("\n")
}

var (
	tookTime = regexp.MustCompile(` +\d+\.\ds$`)
	aHash    = regexp.MustCompile(`-[0-9a-f]{12}\b`)
	aTask    = regexp.MustCompile(`\.\d on n\d`)
)

// steady is a screen without what differs from run to run: times of steps, the order of steps that
// run side by side, and which of several tasks it was; hashes of
// generated files are those of today's.
func steady(screen string) string {
	var parts []string // a line, and below it what belongs to it
	for l := range strings.Lines(strings.TrimRight(screen, " \n") + "\n") {
		l = tookTime.ReplaceAllString(strings.TrimRight(l, " \n"), "  N.Ns")
		l = aHash.ReplaceAllString(l, "-HASH")
		l = aTask.ReplaceAllString(l, ".N on nN") + "\n"
		if n := len(parts); strings.HasPrefix(l, "      ") && n > 0 && isStep(parts[n-1]) {
			parts[n-1] += l
			continue
		}
		parts = append(parts, l)
	}
	for i := 0; i < len(parts); i++ {
		k := i
		for k < len(parts) && isStep(parts[k]) {
			k++
		}
		slices.Sort(parts[i:k])
		i = max(i, k-1)
	}
	return strings.Join(parts, "")
}

func isStep(line string) bool {
	return strings.HasPrefix(line, " ✔ ") || strings.HasPrefix(line, " ✘ ")
}
