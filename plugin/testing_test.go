package plugin

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/streams"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/feed"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

var update = flag.Bool("update", false, "write golden files and docs/reference.md anew")

// golden compares text with a file below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	sameAsFile(t, filepath.Join("testdata", name), got)
}

func sameAsFile(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./plugin -update writes it):\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

// noon is what clocks of tests show at first.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests move by hand.
type clock struct{ time.Time }

func newClock() *clock                    { return &clock{noon} }
func (c *clock) now() time.Time           { return c.Time }
func (c *clock) advance(by time.Duration) { c.Time = c.Add(by) }

// fakeOperator calls what a test gives it.
type fakeOperator struct {
	up       func(context.Context, *compose.Project, plan.UpOptions) error
	plan     func(context.Context, *compose.Project, plan.UpOptions) (plan.Plan, error)
	planned  func(command plan.Command, o plan.FlipOptions) (plan.Plan, error)
	flip     func(context.Context, plan.FlipOptions) error
	canary   func(context.Context, plan.FlipOptions) error
	promote  func(context.Context, plan.FlipOptions) error
	wait     func(context.Context, plan.FlipOptions) error
	rollback func(context.Context, plan.FlipOptions) error
	state    func(context.Context, plan.Command, plan.FlipOptions) error
	stacks   func(context.Context) (*swarm.Stacks, error)
	logs     func(context.Context, swarm.LogOptions, func(swarm.LogLine)) error
	history  func(context.Context, []string) (*swarm.History, error)
	status   func(context.Context, bool, ...string) (*swarm.Status, error)
	doctor   func(context.Context, bool) (*doctor.Report, error)
	events   func(context.Context, func(feed.Event)) error
	down     func(context.Context, swarm.DownOptions) error
}

func (f fakeOperator) Up(ctx context.Context, p *compose.Project, o plan.UpOptions) error {
	return f.up(ctx, p, o)
}
func (f fakeOperator) Plan(ctx context.Context, p *compose.Project, o plan.UpOptions) (plan.Plan, error) {
	return f.plan(ctx, p, o)
}
func (f fakeOperator) Flip(ctx context.Context, o plan.FlipOptions) error { return f.flip(ctx, o) }
func (f fakeOperator) Rollback(ctx context.Context, o plan.FlipOptions) error {
	return f.rollback(ctx, o)
}
func (f fakeOperator) Canary(ctx context.Context, o plan.FlipOptions) error {
	return f.canary(ctx, o)
}
func (f fakeOperator) PlanCanary(_ context.Context, o plan.FlipOptions) (plan.Plan, error) {
	return f.planned(plan.Canary, o)
}
func (f fakeOperator) State(ctx context.Context, c plan.Command, o plan.FlipOptions) error {
	return f.state(ctx, c, o)
}

func (f fakeOperator) PlanState(_ context.Context, c plan.Command, o plan.FlipOptions) (plan.Plan, error) {
	return f.planned(c, o)
}

func (f fakeOperator) Wait(ctx context.Context, o plan.FlipOptions) error {
	return f.wait(ctx, o)
}

func (f fakeOperator) Promote(ctx context.Context, o plan.FlipOptions) error {
	return f.promote(ctx, o)
}
func (f fakeOperator) PlanPromote(_ context.Context, o plan.FlipOptions) (plan.Plan, error) {
	return f.planned(plan.Promote, o)
}
func (f fakeOperator) PlanFlip(_ context.Context, o plan.FlipOptions) (plan.Plan, error) {
	return f.planned(plan.FlipTo, o)
}
func (f fakeOperator) PlanRollback(_ context.Context, o plan.FlipOptions) (plan.Plan, error) {
	return f.planned(plan.Rollback, o)
}
func (f fakeOperator) PlanDown(context.Context) (plan.Plan, error) {
	return f.planned(plan.Down, plan.FlipOptions{})
}
func (f fakeOperator) Stacks(ctx context.Context) (*swarm.Stacks, error) { return f.stacks(ctx) }
func (f fakeOperator) Logs(ctx context.Context, o swarm.LogOptions, emit func(swarm.LogLine)) error {
	return f.logs(ctx, o, emit)
}
func (f fakeOperator) History(ctx context.Context, services []string) (*swarm.History, error) {
	return f.history(ctx, services)
}
func (f fakeOperator) Status(ctx context.Context, live bool, services ...string) (*swarm.Status, error) {
	return f.status(ctx, live, services...)
}
func (f fakeOperator) Doctor(ctx context.Context, live bool) (*doctor.Report, error) {
	return f.doctor(ctx, live)
}
func (f fakeOperator) Events(ctx context.Context, emit func(feed.Event)) error {
	return f.events(ctx, emit)
}
func (f fakeOperator) Down(ctx context.Context, o swarm.DownOptions) error { return f.down(ctx, o) }

// harness runs commands against a fake operator and keeps what they print.
type harness struct {
	*app
	out, err bytes.Buffer
	op       fakeOperator
	// opened are the stacks that an operator was asked for.
	opened []string
}

func newHarness() *harness {
	h := &harness{}
	h.app = &app{
		Streams:     memoryStreams{streams.NewIn(io.NopCloser(strings.NewReader(""))), streams.NewOut(&h.out), streams.NewOut(&h.err)},
		initialize:  func(*cobra.Command, []string) error { return nil },
		load:        compose.Load,
		projectName: compose.ProjectName,
		open: func(stack string, _ func(cluster.Event)) operator {
			h.opened = append(h.opened, stack)
			return h.op
		},
		signals: newInterrupter(&h.err, func(int) { panic("a test sent two signals") }),
		now:     newClock().now,
		getenv:  func(string) string { return "" },
		commit:  func(context.Context, string) string { return "" },
	}
	return h
}

// run runs docker bluegreen with the arguments, as the docker CLI would.
func (h *harness) run(args ...string) error {
	return h.runRoot(append([]string{"bluegreen"}, args...)...)
}

func (h *harness) runRoot(args ...string) error {
	root := &cobra.Command{Use: "docker", SilenceErrors: true, SilenceUsage: true, TraverseChildren: true}
	cmd := newRootCommand(h.app)
	root.AddCommand(cmd)
	root.SetArgs(args)
	root.SetOut(&h.out)
	root.SetErr(&h.err)
	return root.Execute()
}

type memoryStreams struct {
	in       *streams.In
	out, err *streams.Out
}

func (m memoryStreams) In() *streams.In   { return m.in }
func (m memoryStreams) Out() *streams.Out { return m.out }
func (m memoryStreams) Err() *streams.Out { return m.err }
