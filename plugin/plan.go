package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/morikuni/aec"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

// dryRun are the flags of a command that only looks.
type dryRun struct {
	on       bool
	detailed bool
	format   format
}

func (d *dryRun) install(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.BoolVar(&d.on, "dry-run", false, "Print each step and its cause, and change nothing")
	fs.BoolVar(&d.detailed, "detailed-exitcode", false, "With --dry-run: exit with 2 if there are changes")
	formatVar(cmd, &d.format, "With --dry-run: form of the output")
	groupFlags(cmd, "Dry run:", "dry-run", "detailed-exitcode", "format")
}

// check refuses flags that mean something only with --dry-run.
func (d *dryRun) check(cmd *cobra.Command) error {
	for _, name := range []string{"detailed-exitcode", "format"} {
		if !d.on && cmd.Flags().Changed(name) {
			return badFlag(cmd.Name(), "--"+name+" needs --dry-run")
		}
	}
	return nil
}

// run carries a command out, or with --dry-run shows what it would do.
// warnings are those of the stack file.
func (d *dryRun) run(ctx context.Context, a *app, command, stack string, warnings []string,
	carryOut func(context.Context, session) error, makePlan func(context.Context, session) (plan.Plan, error),
) error {
	if !d.on {
		return a.change(ctx, command, stack, carryOut)
	}
	var p plan.Plan
	err := a.operate(ctx, command, stack, func(ctx context.Context, s session) error {
		var err error
		p, err = makePlan(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	return d.show(a, p, warnings)
}

func (d *dryRun) show(a *app, plan plan.Plan, warnings []string) error {
	err := d.format.write(a.Out(), planJSON(plan, warnings), func() error { return writePlan(a.Out(), plan, a.look()) })
	if err == nil && d.detailed && plan.Changes() {
		return changesError{}
	}
	return err
}

// planOutput is what --dry-run --format json prints. Its form is stable: new fields may be added,
// none changes.
type planOutput struct {
	// Stack is the name of the stack.
	Stack string `json:"stack"`
	// Changes is true if there is anything to do.
	Changes bool `json:"changes"`
	// Warnings are sentences about the stack file.
	Warnings []string `json:"warnings"`
	// Notes are sentences about work that comes before the plan.
	Notes []string `json:"notes"`
	// Steps have an order in which they could run one by one.
	Steps []planStep `json:"steps"`
	// Waiting are the releases that wait for docker bluegreen promote after the plan, and those that
	// the proxies watch then.
	Waiting []planWaiting `json:"waiting"`
}

// planWaiting is a release that is ready and not active, or active and watched.
type planWaiting struct {
	// Service is the service in the file.
	Service string `json:"service"`
	// Color is the color of the service that has the release.
	Color string `json:"color"`
	// Release is the number of the release.
	Release int `json:"release"`
	// Share is the percentage of the traffic that it has.
	Share int `json:"share"`
	// Steps are the shares that up gives it, one after the other; empty if up stops when it is ready.
	Steps []int `json:"steps"`
	// Every is how long each step lasts, or how long it waits for all traffic, for example 2m0s;
	// empty without steps.
	Every string `json:"every"`
	// Bake is how long the proxies watch the release once it has all traffic, for example 5m0s; empty
	// without a guard.
	Bake string `json:"bake"`
	// Active is true if the release has all traffic after the plan.
	Active bool `json:"active"`
}

// planStep is one step of a plan.
type planStep struct {
	// Action is the kind of the step, for example "start color".
	Action string `json:"action"`
	// Name is the name of the changed object on the swarm.
	Name string `json:"name"`
	// Service is the service in the file.
	Service string `json:"service,omitempty"`
	// Color is the color of the service, if the step changes one.
	Color string `json:"color,omitempty"`
	// Release is the number of the color's new release, if there is one.
	Release int `json:"release,omitempty"`
	// Cause says why the step is needed.
	Cause string `json:"cause"`
	// Phase is prepare, deploy, settle or clean-up: a phase begins when the one before is done.
	Phase string `json:"phase"`
	// After has the positions of the steps of the same phase that must be done first.
	After []int `json:"after"`
	// Changes are fields of the file. From is empty for a new field, To for a removed one.
	Changes []plan.Change `json:"changes"`
}

var phases = map[plan.Phase]string{plan.Prepare: "prepare", plan.Deploy: "deploy", plan.Settle: "settle", plan.CleanUp: "clean-up"}

// changesError ends a dry run that found something to do with an exit code of its own. It has
// nothing to say.
type changesError struct{}

func (changesError) Error() string { return "there are changes" }

func planJSON(p plan.Plan, warnings []string) planOutput {
	out := planOutput{Stack: p.Stack, Changes: p.Changes(), Warnings: list(warnings), Notes: list(p.Notes), Steps: []planStep{}, Waiting: []planWaiting{}}
	for _, s := range p.Steps {
		out.Steps = append(out.Steps, planStep{Action: string(s.Do), Name: s.Name, Service: s.Service, Color: string(s.Color),
			Release: s.Release, Cause: s.Cause, Phase: phases[s.Phase], After: list(s.After), Changes: list(s.Changes)})
	}
	for _, w := range p.Waiting {
		waiting := planWaiting{Service: w.Service, Color: string(w.Color), Release: w.Release, Share: w.Share, Steps: []int{}, Active: w.Bakes}
		if w.Guard != nil {
			waiting.Bake = w.Guard.Bake.String()
		}
		if w.Steps {
			waiting.Steps, waiting.Every = w.Left(), w.After.String()
			if w.Canary != nil && w.After == 0 {
				waiting.Every = w.Canary.Every.String()
			}
		}
		out.Waiting = append(out.Waiting, waiting)
	}
	return out
}

// list is never null in JSON.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// writePlan writes a plan for a person: a line for each step, below it a line for each field that
// changes.
func writePlan(out io.Writer, p plan.Plan, l look) error {
	for _, note := range p.Notes {
		if _, err := fmt.Fprintln(out, l.paint(aec.YellowF, "note: "+printable(note))); err != nil {
			return err
		}
	}
	if err := writeSteps(out, p, l); err != nil {
		return err
	}
	for _, w := range p.Waiting {
		if _, err := fmt.Fprintf(out, "%s %s: %s\n", l.paint(aec.Faint, "…"), printable(w.Service), printable(w.String())); err != nil {
			return err
		}
	}
	return nil
}

func writeSteps(out io.Writer, p plan.Plan, l look) error {
	if !p.Changes() {
		text := "nothing to do\n"
		if p.Command == plan.Up {
			text = "nothing to do: the swarm holds what the file of " + printable(p.Stack) + " says\n"
		}
		_, err := io.WriteString(out, text)
		return err
	}
	for _, s := range p.Steps {
		mark, style := stepMark(s.Do)
		if _, err := fmt.Fprintln(out, l.paint(style, mark)+" "+printable(s.String())); err != nil {
			return err
		}
		if err := writeChanges(out, s.Changes, l); err != nil {
			return err
		}
	}
	return nil
}

// stepMark tells at a glance what happens to the object that a step is about.
func stepMark(a plan.Action) (string, aec.ANSI) {
	switch word, _, _ := strings.Cut(string(a), " "); word {
	case "create":
		return "+", aec.GreenF
	case "remove":
		return "-", aec.RedF
	case "await":
		return "…", aec.Faint
	}
	if a.Ordered() {
		return "→", aec.CyanF
	}
	return "~", aec.YellowF
}

func writeChanges(out io.Writer, changes []plan.Change, l look) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, c := range changes {
		from, to := escaped(c.From), escaped(c.To)
		text, style := from+" → "+to, aec.YellowF
		switch {
		case c.From == "":
			text, style = "+ "+to, aec.GreenF
		case c.To == "":
			text, style = "- "+from, aec.RedF
		}
		if _, err := fmt.Fprintf(w, "      %s\t%s\n", printable(c.Field), l.paint(style, text)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// escaped shows a value with line breaks on one line.
func escaped(s string) string {
	return printable(strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(s))
}
