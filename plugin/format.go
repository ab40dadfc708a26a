package plugin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/docker/cli/templates"
	"github.com/spf13/cobra"
)

// Values of --format.
const (
	formatTable = "table"
	formatJSON  = "json"
)

// format is how a command prints what it found: as a table, as JSON, or by a Go template.
type format struct {
	text     string
	template *template.Template
}

func formatVar(cmd *cobra.Command, f *format, usage string) {
	f.text = formatTable
	words := []string{formatTable, formatJSON}
	cmd.Flags().Var(f, "format", usage+" ("+strings.Join(words, "|")+", or a Go template)")
	must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
}

// String is part of the interface of flags, and so are the other two.
func (f *format) String() string { return f.text }

// Type names what the flag takes, for the help.
func (f *format) Type() string { return "string" }

// Set takes the flag's value.
func (f *format) Set(s string) (err error) {
	switch {
	case strings.Contains(s, "{{"):
		if f.template, err = templates.Parse(s); err != nil {
			return err
		}
	case s != formatTable && s != formatJSON:
		return fmt.Errorf("must be one of %s, %s, or a template such as '{{json .}}'", formatTable, formatJSON)
	}
	f.text = s
	return nil
}

// write prints v, which table prints for a person.
func (f *format) write(out io.Writer, v any, table func() error) error {
	switch {
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
func writeJSON(out io.Writer, v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := out.Write(printableJSON(text.Bytes()))
	return err
}
