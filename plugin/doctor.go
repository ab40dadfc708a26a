package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/morikuni/aec"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
)

func newDoctorCommand(a *app) *cobra.Command {
	var f format
	var live bool
	cmd := &cobra.Command{
		Use:   "doctor [OPTIONS]",
		Short: "Find what is wrong with the swarm and its stacks",
		Long: `Find what is wrong with the swarm and with all stacks that have blue-green services,
or with the stack of -p. Each finding has its cause and the way out. doctor changes
nothing, and needs no file.

It looks at the engine, the managers, the nodes and the clocks, and for each stack at
the control network, the routes, the tasks and updates of services, images, the lock,
and what commands have left behind. With --live it also asks each proxy for its route,
as status --live does.

doctor exits with 1 if it finds an error, and with 4 if a proxy follows another route
than the one in the label. Warnings do not count.

With --format json the fields are stable: new ones may come, none changes.`,
		Example: `  docker bluegreen doctor
  docker bluegreen doctor -p shop --live

  # What needs a hand, for a script
  docker bluegreen doctor --format json |
    jq -r '.findings[] | select(.level != "ok") | .cause + ": " + .way'`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runDoctor(cmd.Context(), live, f)
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "Ask the proxies too, and find drift")
	formatVar(cmd, &f, "Form of the output")
	return cmd
}

func (a *app) runDoctor(ctx context.Context, live bool, f format) error {
	stack, err := a.oneStack(ctx)
	if err != nil {
		return err
	}
	var r *doctor.Report
	err = a.operate(ctx, "doctor", stack, func(ctx context.Context, s session) (err error) {
		r, err = s.Doctor(ctx, live)
		return err
	})
	if err != nil {
		return err
	}
	if err := f.write(a.Out(), r, func() error { return writeReport(a.Out(), r, a.look()) }); err != nil {
		return err
	}
	if r.Errors > 0 {
		return &foundError{errors: r.Errors, drift: r.Drifted()}
	}
	return nil
}

// oneStack is the name of the stack that the user names with -p or by a file; empty for all stacks.
func (a *app) oneStack(ctx context.Context) (string, error) {
	if a.common.name == "" && len(a.common.files) == 0 {
		return "", nil
	}
	return a.stackName(ctx)
}

// foundError says that doctor has found errors.
type foundError struct {
	errors int
	drift  bool
}

func (e *foundError) Error() string {
	return "doctor has found " + cluster.Count(e.errors, "error")
}

// writeReport writes a line for each finding, and the way out below it.
func writeReport(out io.Writer, r *doctor.Report, l look) error {
	var b strings.Builder
	width, heading := 0, "-"
	for _, f := range r.Findings {
		width = max(width, runewidth.StringWidth(f.Check))
	}
	for _, f := range r.Findings {
		if f.Stack != heading {
			heading = f.Stack
			title := "swarm"
			if heading != "" {
				title = "stack " + heading
			}
			fmt.Fprintf(&b, "%s\n", l.text(title))
		}
		text := f.Cause
		if f.Subject != "" {
			text = f.Subject + ": " + text
		}
		icon, style := l.done, aec.GreenF
		switch f.Level {
		case doctor.Error:
			icon, style = l.failed, aec.RedF
		case doctor.Warning:
			icon, style = l.warning, aec.YellowF
		}
		indent := strings.Repeat(" ", width+6)
		fmt.Fprintf(&b, "  %s %s  %s\n", l.paint(style, icon), runewidth.FillRight(f.Check, width), hanging(l.text(text), indent))
		if f.Way != "" {
			fmt.Fprintf(&b, "%s%s\n", indent, hanging(l.text("→ "+f.Way), indent+"  "))
		}
	}
	fmt.Fprintf(&b, "\n%s, %s\n", cluster.Count(r.Errors, "error"), cluster.Count(r.Warnings, "warning"))
	_, err := io.WriteString(out, b.String())
	return err
}

// hanging indents all lines of a text but the first.
func hanging(text, indent string) string { return strings.ReplaceAll(text, "\n", "\n"+indent) }

// code is the exit code for what was found: a route in doubt wins.
func (e *foundError) code() int {
	if e.drift {
		return cluster.ExitUnconfirmed
	}
	return cluster.ExitError
}
