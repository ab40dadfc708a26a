package plugin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v4"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
)

const formatYAML = "yaml"

type configOptions struct {
	specs    bool
	services bool
	images   bool
	quiet    bool
	strict   bool
	format   string
}

func newConfigCommand(a *app) *cobra.Command {
	var o configOptions
	cmd := &cobra.Command{
		Use:   "config [OPTIONS]",
		Short: "Check the stack file and print the result",
		Long: `Check the stack file and print it after all is read: files are merged, variables
replaced, and services of inactive profiles left out. The output is a stack file
with the same meaning, so it has two dollar signs for one. config needs no engine,
and never shows the content of secrets.

With --specs, print the API calls of an up on a swarm without this stack: the
bodies of the Engine API's create calls, by name, with names instead of ids. They
have no data of secrets, no digests of images and no address range of the control
network.`,
		Example: `  docker bluegreen config -f stack.yml --quiet && echo the file is good

  # Show the swarm service of web in the stack shop
  docker bluegreen config -f stack.yml -p shop --specs --format json |
    jq '.services.shop_web'`,
		Args:              stackArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runConfig(cmd.Context(), a, o)
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.specs, "specs", false, "Print the API calls of an up on an empty swarm")
	fs.BoolVar(&o.services, "services", false, "Print the names of the services, one on each line")
	fs.BoolVar(&o.images, "images", false, "Print the images of the services and their proxies, one on each line")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "Only check the file")
	strictVar(fs, &o.strict)
	enumVar(cmd, fs, &o.format, "format", formatYAML, []string{formatYAML, formatJSON}, "Form of the output")
	cmd.MarkFlagsMutuallyExclusive("specs", "services", "images", "quiet")
	return cmd
}

func runConfig(ctx context.Context, a *app, o configOptions) error {
	project, err := a.loadProject(ctx)
	if err != nil {
		return err
	}
	if err := refuseWarnings(project, o.strict); err != nil {
		return err
	}
	for _, n := range project.Notes {
		fmt.Fprintln(a.Err(), "note: "+printable(n))
	}
	for _, w := range project.Warnings {
		fmt.Fprintln(a.Err(), "warning: "+printable(w))
	}
	a.annotateWarnings(project)
	bodies, err := plan.BodiesOf(project) // what is wrong only for the swarm is found as well
	if err != nil {
		return err
	}
	switch {
	case o.quiet:
		return nil
	case o.services:
		return writeLines(a.Out(), serviceNames(project))
	case o.images:
		return writeLines(a.Out(), images(project))
	case o.specs:
		return writeAs(a.verbatim().Out(), o.format, bodies)
	}
	return writeAs(a.verbatim().Out(), o.format, project.Resolved)
}

func serviceNames(p *compose.Project) []string {
	var names []string
	for _, s := range p.Services {
		names = append(names, s.Name)
	}
	return names
}

// images are the distinct images of a project.
func images(p *compose.Project) []string {
	var all []string
	for _, s := range p.Services {
		all = append(all, s.Spec.TaskTemplate.ContainerSpec.Image)
		if s.BlueGreen != nil {
			all = append(all, s.BlueGreen.Proxy.Image)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func writeLines(out io.Writer, lines []string) error {
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// writeAs writes v as JSON, or as YAML with the names that its JSON has.
func writeAs(out io.Writer, format string, v any) error {
	if format == formatJSON {
		return writeJSON(out, v)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var plain any
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber() // numbers of nanoseconds stay what they are
	if err := dec.Decode(&plain); err != nil {
		return err
	}
	enc := yaml.NewEncoder(out)
	enc.SetIndent(2)
	if err := enc.Encode(numbers(plain)); err != nil {
		return err
	}
	return enc.Close()
}

// numbers turns the numbers of decoded JSON into what YAML shows without quotes.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			v[key] = numbers(item)
		}
	case []any:
		for i, item := range v {
			v[i] = numbers(item)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // JSON has no other numbers
		return f
	}
	return v
}
