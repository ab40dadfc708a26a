package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Groups of commands on the first screen of the help.
const (
	groupRelease = "release"
	groupTraffic = "traffic"
	groupLook    = "look"
)

// groups are in the order in which a person needs them; commands without a group come last.
var groups = []*cobra.Group{
	{ID: groupRelease, Title: "Release:"},
	{ID: groupTraffic, Title: "Hold traffic:"},
	{ID: groupLook, Title: "Look:"},
}

// grouped puts commands into a group.
func grouped(id string, commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.GroupID = id
	}
	return commands
}

// flagGroup is the annotation of a flag that names its heading in the help.
const flagGroup = "bluegreen-group"

// groupFlags puts flags of a command under a heading.
func groupFlags(cmd *cobra.Command, heading string, names ...string) {
	for _, name := range names {
		must(cmd.Flags().SetAnnotation(name, flagGroup, []string{heading}))
	}
}

// helpTemplate has what most readers look for first: the line to type, what it does in a sentence
// or two, examples, and the command's own options. Options of all commands are listed once, with
// the commands; the fine print comes last.
const helpTemplate = `Usage:  {{.UseLine}}{{if .HasAvailableSubCommands}} [OPTIONS] COMMAND{{end}}

{{lead .}}
{{- if .Aliases}}

Aliases:
  {{aliases .}}
{{- end}}
{{- if .HasExample}}

Examples:
{{.Example}}
{{- end}}
{{- if .HasAvailableSubCommands}}
{{- range commands .}}

{{.}}
{{- end}}
{{- end}}
{{- range options .}}

{{.}}
{{- end}}
{{- with details .}}

{{.}}
{{- end}}
{{- if .HasAvailableSubCommands}}

Run 'docker bluegreen COMMAND --help' for more information on a command.
{{- end}}
`

// installHelp gives cmd and its commands our help. width tells how wide the terminal is, in
// columns.
func installHelp(cmd *cobra.Command, width func() int) {
	cobra.AddTemplateFunc("lead", lead)
	cobra.AddTemplateFunc("details", details)
	cobra.AddTemplateFunc("aliases", aliases)
	cobra.AddTemplateFunc("commands", commandList)
	cobra.AddTemplateFunc("options", func(c *cobra.Command) []string { return optionLists(c, width()) })
	cmd.SetUsageTemplate(helpTemplate)
}

// lead is the first paragraph of what a command says of itself.
func lead(c *cobra.Command) string {
	first, _, _ := strings.Cut(c.Long, "\n\n")
	return strings.TrimSpace(first)
}

// details are all other paragraphs.
func details(c *cobra.Command) string {
	_, rest, _ := strings.Cut(c.Long, "\n\n")
	return strings.TrimSpace(rest)
}

func aliases(c *cobra.Command) string {
	parent := strings.TrimSuffix(c.CommandPath(), c.Name())
	return parent + strings.Join(append([]string{c.Name()}, c.Aliases...), ", "+parent)
}

// commandList lists the commands, group by group.
func commandList(c *cobra.Command) (lists []string) {
	for _, g := range append(slices.Clone(c.Groups()), &cobra.Group{Title: "Other:"}) {
		var b strings.Builder
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == g.ID {
				fmt.Fprintf(&b, "\n  %-*s %s", c.Commands()[0].NamePadding(), sub.Name(), sub.Short)
			}
		}
		if b.Len() > 0 {
			lists = append(lists, g.Title+b.String())
		}
	}
	return lists
}

// optionLists lists a command's options: its own, group by group, and of those that all commands
// have the names.
func optionLists(c *cobra.Command, width int) (lists []string) {
	if c.HasAvailableSubCommands() {
		return []string{"Options of all commands:\n" + usages(c.PersistentFlags(), width)}
	}
	headings := []string{"Options:"}
	sets := map[string]*pflag.FlagSet{}
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		heading := "Options:"
		if g := f.Annotations[flagGroup]; len(g) > 0 {
			heading = g[0]
		}
		if sets[heading] == nil {
			sets[heading] = pflag.NewFlagSet("", pflag.ContinueOnError)
		}
		if !slices.Contains(headings, heading) {
			headings = append(headings, heading)
		}
		sets[heading].AddFlag(f)
	})
	for _, heading := range headings {
		if fs := sets[heading]; fs != nil && fs.HasAvailableFlags() {
			lists = append(lists, heading+"\n"+usages(fs, width))
		}
	}
	return append(lists, "Options of all commands (docker bluegreen --help):\n  "+strings.Join(flagNames(c.InheritedFlags()), ", "))
}

func usages(fs *pflag.FlagSet, width int) string {
	return strings.TrimRight(fs.FlagUsagesWrapped(width-1), "\n ")
}

// flagNames are the shortest names of flags.
func flagNames(fs *pflag.FlagSet) (names []string) {
	fs.VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Hidden || f.Name == "help":
		case f.Shorthand != "":
			names = append(names, "-"+f.Shorthand)
		default:
			names = append(names, "--"+f.Name)
		}
	})
	return names
}

// meant are words of other tools for our commands.
var meant = map[string][]string{
	"canary":      {"weight", "share"},
	"config":      {"convert", "validate", "lint"},
	"down":        {"rm", "remove", "delete", "destroy"},
	"flip":        {"switch", "swap", "toggle"},
	"history":     {"releases", "audit", "revisions"},
	"logs":        {"log"},
	"ls":          {"stacks", "projects"},
	"pause":       {"hold", "stop"},
	"promote":     {"approve"},
	"resume":      {"unpause", "start"},
	"rollback":    {"revert", "undo", "abort"},
	"status":      {"get", "info", "inspect", "show", "services"},
	"up":          {"deploy", "apply", "release", "redeploy"},
	"maintenance": {"offline"},
	"live":        {"online"},
}

// noCommand is the error for a word that names none of our commands: it says which one was probably
// meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("there is no command 'docker bluegreen %s'", printable(args[0]))
	cmd.SuggestionsMinimumDistance = max(1, len(args[0])/3) // letters that may be wrong
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += ": did you mean " + strings.Join(near, " or ") + "?"
	}
	return fmt.Errorf("%s\nRun 'docker bluegreen --help' for all commands", text)
}
