package plugin

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestReference keeps docs/reference.md the same as what the commands say of themselves.
func TestReference(t *testing.T) {
	h := newHarness()
	docker := &cobra.Command{Use: "docker"}
	root := newRootCommand(h.app)
	docker.AddCommand(root)
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true // as the docker CLI does
	}

	var b strings.Builder
	b.WriteString("# Reference\n\nThis file is generated: `go test ./plugin -run TestReference -update`. [Words](mechanism.md#words) explains the terms.\n\n")
	intro, _, _ := strings.Cut(root.Long, "\nExit codes:")
	fmt.Fprintf(&b, "%s\n", intro)
	referenceOptions(&b, "Options of all commands", root.PersistentFlags())
	for _, c := range root.Commands() {
		referenceCommand(&b, c)
	}
	referenceExitCodes(&b)
	referenceVariables(&b)
	b.WriteString("## JSON of `status`\n\nFields are added, never changed. Times are RFC 3339.\n\n")
	referenceTypes(t, &b, "../swarm/status.go", "Status", "LockStatus", "ServiceStatus", "SwarmService", "RouteStatus", "ColorStatus", "ProxyStatus", "ProxyFigures", "ProxyCount", "ServerStatus")
	b.WriteString("## JSON of `history`\n\nFields are added, never changed. Times are RFC 3339.\n\n")
	referenceTypes(t, &b, "../swarm/history.go", "History", "ReleaseHistory", "ReleaseEvent")
	b.WriteString("## JSON of `ls`\n\nFields are added, never changed. Times are RFC 3339.\n\n")
	referenceTypes(t, &b, "../swarm/stacks.go", "Stacks", "StackService")
	b.WriteString("## JSON of `events`\n\nOne object on each line. Fields are added, never changed. Times are RFC 3339.\n\n")
	referenceTypes(t, &b, "../swarm/feed/feed.go", "Event")
	b.WriteString("## JSON of `doctor`\n\nFields are added, never changed.\n\n")
	referenceTypes(t, &b, "../swarm/doctor/doctor.go", "Report", "Finding")
	b.WriteString("## JSON of `--dry-run`\n\nFields are added, never changed.\n\n")
	referenceTypes(t, &b, "plan.go", "planOutput", "planStep")
	referenceTypes(t, &b, "../swarm/plan/changes.go", "Change")
	b.WriteString("## JSON of `--progress json`\n\nOne object on each line of stderr, with the fields of both tables. States are `working`, `done`, `warning` and `failed`.\n\n")
	referenceTypes(t, &b, "../swarm/cluster/event.go", "Event", "Receipt", "ReceiptColor", "ReceiptProxy")
	referenceTypes(t, &b, "progress_json.go", "line")
	b.WriteString("## JSON of notifications\n\nWhat an https or http URL of `--notify` or `BLUEGREEN_NOTIFY` gets with POST. Fields are added, never changed.\n\n")
	referenceTypes(t, &b, "notify.go", "notification")
	sameAsFile(t, filepath.Join("..", "docs", "reference.md"), strings.TrimRight(b.String(), "\n")+"\n")
}

func referenceCommand(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "## `docker bluegreen %s`\n\n```\n%s\n```\n\n", c.Name(), c.UseLine())
	if len(c.Aliases) > 0 {
		fmt.Fprintf(b, "Alias: `%s`\n\n", strings.Join(c.Aliases, "`, `"))
	}
	fmt.Fprintf(b, "%s\n\n", c.Long)
	referenceOptions(b, "", c.LocalNonPersistentFlags())
	fmt.Fprintf(b, "```sh\n%s\n```\n\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
}

func referenceOptions(b *strings.Builder, title string, fs *pflag.FlagSet) {
	if title != "" {
		fmt.Fprintf(b, "## %s\n\n", title)
	}
	rows := ""
	fs.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		value := ""
		if d := f.DefValue; d != "" && d != "[]" && d != "false" {
			value = "`" + d + "`"
		}
		rows += fmt.Sprintf("| %s | %s | %s |\n", name, strings.ReplaceAll(f.Usage, "|", `\|`), value)
	})
	if rows != "" {
		fmt.Fprintf(b, "| Option | Meaning | Default |\n|---|---|---|\n%s\n", rows)
	}
}

func referenceVariables(b *strings.Builder) {
	b.WriteString("## Variables\n\nWhat a `.env` file has is for the stack file, and for the `COMPOSE_` variables.\n\n| Variable | Meaning |\n|---|---|\n")
	for _, v := range variables {
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(v.name, ", ", "`, `"), v.meaning)
	}
	b.WriteString("\n")
}

func referenceExitCodes(b *strings.Builder) {
	b.WriteString("## Exit codes\n\n| Code | Meaning |\n|---|---|\n")
	for _, c := range exitCodes {
		fmt.Fprintf(b, "| %d | %s |\n", c.Code, c.Meaning)
	}
	b.WriteString("\n")
}
