package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/template"

	"github.com/docker/cli/cli/command/formatter/tabwriter"
	"github.com/docker/cli/templates"
	"github.com/spf13/cobra"

	"github.com/docker-bluegreen/docker-bluegreen/swarm"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/doctor"
)

// Values of --format.
const (
	formatTable = "table"
	formatJSON  = "json"
)

// format is how a command prints what it found: as a table, as JSON, or by a Go template. With
// "table TEMPLATE" the template is for each row, as in docker.
type format struct {
	text     string
	template *template.Template
	header   string // of a table whose rows a template makes; empty else
}

func formatVar(cmd *cobra.Command, f *format, usage string) {
	f.text = formatTable
	words := []string{formatTable, formatJSON}
	cmd.Flags().Var(f, "format", usage+" ("+strings.Join(words, "|")+", a Go template, or table TEMPLATE)")
	must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// String is part of the interface of flags, and so are the other two.
func (f *format) String() string { return f.text }

// Type names what the flag takes, for the help.
func (f *format) Type() string { return "string" }

// Set takes the flag's value.
func (f *format) Set(s string) (err error) {
	f.header = ""
	switch {
	case strings.Contains(s, "{{"):
		text := escapes.Replace(s)
		if columns, ok := strings.CutPrefix(text, formatTable+" "); ok {
			f.header, text = headerOf(columns), columns
		}
		if f.template, err = templates.Parse(text); err != nil {
			return err
		}
	case s != formatTable && s != formatJSON:
		return fmt.Errorf("must be one of %s, %s, a template such as '{{json .}}', or 'table {{.Name}}'", formatTable, formatJSON)
	}
	f.text = s
	return nil
}

// escapes are what a shell leaves in a template as it is.
var escapes = strings.NewReplacer(`\t`, "\t", `\n`, "\n")

var (
	action    = regexp.MustCompile(`\{\{.*?\}\}`)
	fieldName = regexp.MustCompile(`\.([A-Za-z]+)`)
	wordStart = regexp.MustCompile(`([a-z])([A-Z])`)
)

// headerOf names each column by the last field that it shows: IN FLIGHT for {{.InFlight}}.
func headerOf(columns string) string {
	var names []string
	for column := range strings.SplitSeq(columns, "\t") {
		name := ""
		for _, f := range fieldName.FindAllStringSubmatch(strings.Join(action.FindAllString(column, -1), ""), -1) {
			name = strings.ToUpper(wordStart.ReplaceAllString(f[1], "$1 $2"))
		}
		names = append(names, name)
	}
	return strings.Join(names, "\t")
}

// rowsOf are the parts of an output that are rows of its table.
func rowsOf(v any) (rows []any) {
	switch v := v.(type) {
	case *swarm.Status:
		return anyOf(v.Services)
	case *swarm.Stacks:
		return anyOf(v.Services)
	case *swarm.History:
		return anyOf(v.Releases)
	case *doctor.Report:
		return anyOf(v.Findings)
	case planOutput:
		return anyOf(v.Steps)
	}
	return []any{v}
}

func anyOf[T any](list []T) (all []any) {
	for _, x := range list {
		all = append(all, x)
	}
	return all
}

// writeRows prints a table whose rows the template makes.
func (f *format) writeRows(out io.Writer, v any) error {
	w := tabwriter.NewWriter(out, 4, 1, 3, ' ', 0)
	fmt.Fprintln(w, f.header)
	for _, row := range rowsOf(v) {
		var text strings.Builder
		if err := f.template.Execute(&text, row); err != nil {
			return err
		}
		fmt.Fprintln(w, printable(text.String()))
	}
	return w.Flush()
}

// write prints v, which table prints for a person.
func (f *format) write(out io.Writer, v any, table func() error) error {
	switch {
	case f.header != "":
		return f.writeRows(out, v)
	case f.template != nil:
		var text strings.Builder
		if err := f.template.Execute(&text, v); err != nil {
			return err
		}
		_, err := fmt.Fprintln(out, strings.TrimSuffix(printable(text.String()), "\n"))
		return err
	case f.text == formatJSON:
		return writeJSON(out, v)
	}
	return table()
}

// writeJSON writes v for machines and for people who look over their shoulders.
func writeJSON(out io.Writer, v any) error { return encodeJSON(out, v, "  ") }

// writeJSONLine writes v on one line.
func writeJSONLine(out io.Writer, v any) error { return encodeJSON(out, v, "") }

func encodeJSON(out io.Writer, v any, indent string) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(printableJSON(text.Bytes()))
	return err
}
