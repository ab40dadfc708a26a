package plugin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/cli/cli/streams"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// shown is a dashboard that runs.
type shown struct {
	t           *testing.T
	base, token string
	end         context.CancelFunc
	ended       chan error
}

// dashboard starts the command, and reads the address that it prints.
func (h *harness) dashboard(t *testing.T, args ...string) *shown {
	t.Helper()
	r, w := io.Pipe()
	h.Streams = memoryStreams{h.In(), streams.NewOut(w), h.Err()}
	cmd := newDashboardCommand(h.app)
	ctx, cancel := context.WithCancel(t.Context())
	cmd.SetArgs(append([]string{}, args...)) // of none cobra takes those of the test
	s := &shown{t: t, end: cancel, ended: make(chan error, 1)}
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	go func() {
		err := cmd.ExecuteContext(ctx)
		w.Close()
		s.ended <- err
	}()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatalf("no address: %v, %v", err, <-s.ended)
	}
	var found bool
	if s.base, s.token, found = strings.Cut(strings.TrimSpace(line), "/#token="); !found || !strings.HasPrefix(s.base, "http://127.0.0.1:") {
		t.Fatalf("the address is %q", line)
	}
	return s
}

func (s *shown) ask(method, path, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + s.token, "Origin": s.base, "Content-Type": "application/json"} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(answer.Status + " " + string(text))
}

// An action of the page shows on the terminal as the command does, with its error; Ctrl-C ends the
// dashboard without one.
func TestDashboardAction(t *testing.T) {
	t.Chdir(t.TempDir())
	h := newHarness()
	h.common.progress, h.common.name = progressPlain, "shop"
	r, w := io.Pipe()
	h.Streams = memoryStreams{h.In(), h.Out(), streams.NewOut(w)}
	want := "The page is for this machine only. Ctrl-C ends it.\nweb flip: green\nservice web: green is not ready: see its logs\n"
	shows := make(chan string)
	go func() { // what is wanted, and then the rest
		got := make([]byte, len(want))
		n, _ := io.ReadFull(r, got)
		shows <- string(got[:n])
		rest, _ := io.ReadAll(r)
		shows <- string(rest)
	}()
	h.app.open = func(_ string, emit func(cluster.Event)) operator {
		return fakeOperator{promote: func(_ context.Context, o plan.FlipOptions) error {
			emit(cluster.Event{Service: "web", Step: "flip", State: cluster.Working, Text: "\x1b[31mgreen\x1b[0m"})
			return errors.New("service web: green is not ready: see its logs")
		}}
	}
	s := h.dashboard(t)
	if got := s.ask("POST", "/api/stacks/blog/action", `{"do":"promote"}`); got != "404 Not Found this dashboard shows stack shop" {
		t.Error(got)
	}
	if got := s.ask("POST", "/api/stacks/shop/action", `{"do":"promote","services":["web"]}`); got != "202 Accepted" {
		t.Error(got)
	}
	got := <-shows
	for !strings.HasPrefix(s.ask("DELETE", "/api/action/1", ""), "409") { // until it is over: before that, Ctrl-C would end the dashboard with its error
	}
	s.end()
	if err := <-s.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	w.Close()
	if got += <-shows; got != want {
		t.Errorf("the terminal shows %q, want %q", got, want)
	}
}

// Ctrl-C cancels the action that is under way, and the command ends as that one would.
func TestDashboardInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	h := newHarness()
	h.common.progress, h.common.name = progressPlain, "shop"
	begun := make(chan struct{})
	h.op.promote = func(ctx context.Context, _ plan.FlipOptions) error {
		close(begun)
		<-ctx.Done()
		return &cluster.InterruptedError{Left: "nothing was done"}
	}
	s := h.dashboard(t)
	s.ask("POST", "/api/stacks/shop/action", `{"do":"promote"}`)
	<-begun
	s.end()
	if err := <-s.ended; exitCode(err) != cluster.ExitInterrupted {
		t.Errorf("ended with %v", err)
	}
}

// The page plans an up with the file of the command line, read anew each time.
func TestDashboardFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := filepath.Join(dir, "compose.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("name: shop\nservices: {web: {image: a}}\n")
	h := newHarness()
	h.op.plan = func(_ context.Context, p *compose.Project, o plan.UpOptions) (plan.Plan, error) {
		return plan.Plan{Command: plan.Up, Stack: p.Name, Steps: []plan.Step{{Do: plan.CreatePlain, Name: p.Services[0].Spec.TaskTemplate.ContainerSpec.Image, Cause: o.ResolveImage}}}, nil
	}
	s := h.dashboard(t)
	defer func() { s.end(); <-s.ended }()
	for _, image := range []string{"a", "b"} {
		write("name: shop\nservices: {web: {image: " + image + "}}\n")
		if got, want := s.ask("GET", "/api/stacks/shop/file", ""), `"text":"create service `+image+`: always"`; !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
	write("services: [")
	if got := s.ask("GET", "/api/stacks/shop/file", ""); !strings.Contains(got, `"steps":[]`) || !strings.Contains(got, "compose.yaml") {
		t.Errorf("a broken file: %s", got)
	}
	if got := s.ask("GET", "/api/stacks/blog/file", ""); got != "404 Not Found the dashboard has no file of this stack: start it with -f" {
		t.Error(got)
	}
}

func TestDashboardRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	taken := newHarness()
	taken.op.stacks = func(context.Context) (*swarm.Stacks, error) { return &swarm.Stacks{}, nil }
	other := taken.dashboard(t)
	defer func() { other.end(); <-other.ended }()
	port := other.base[strings.LastIndex(other.base, ":")+1:]
	for args, want := range map[string]struct {
		code int
		text string
	}{
		"-f - dashboard":           {125, "the page reads the file each time it is asked for a plan: -f - cannot be read twice, so name a file\n\nRun 'docker bluegreen dashboard --help' for more information"},
		"-f nosuch.yml dashboard":  {1, "nosuch.yml"},
		"-p No/Name dashboard":     {1, "No/Name"},
		"dashboard --port 70000":   {125, "--port"},
		"dashboard web":            {1, "accepts no arguments"},
		"dashboard --port " + port: {1, "the page cannot be shown on port " + port + ": listen tcp 127.0.0.1:" + port + ": bind: address already in use: leave --port out, or give another one"},
	} {
		t.Run(args, func(t *testing.T) {
			h := newHarness()
			err := h.run(strings.Fields(args)...)
			if err == nil || !strings.Contains(err.Error(), want.text) || exitCode(err) != want.code {
				t.Errorf("%v (%d), want %q (%d)", err, exitCode(err), want.text, want.code)
			}
		})
	}
}
