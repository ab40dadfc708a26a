package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/docker-bluegreen/docker-bluegreen/plugin"
)

const manual = "man/man1/" // of the pages in an archive

// documents are the files that the plugin comes with, on every platform: its licence and a manual
// page for each command.
func (r release) documents() ([]file, error) {
	license, err := os.ReadFile(filepath.Join(r.top, "LICENSE"))
	if err != nil {
		return nil, err
	}
	root, err := plugin.Command()
	if err != nil {
		return nil, err
	}
	pages, err := r.pages(root)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(pages, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return append([]file{{"LICENSE", license, 0o644}}, pages...), nil
}

// pages are the manual pages of a command and those below it.
func (r release) pages(c *cobra.Command) ([]file, error) {
	c.DisableAutoGenTag = true
	c.DisableFlagsInUseLine = true // as the docker CLI does
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	header := &doc.GenManHeader{Title: strings.ToUpper(name), Section: "1", Date: &r.date, Source: "docker-bluegreen " + r.version, Manual: "Docker User Manuals"}
	var b bytes.Buffer
	if err := doc.GenMan(c, header, &b); err != nil {
		return nil, fmt.Errorf("manual page of %s: %w", c.CommandPath(), err)
	}
	all := []file{{manual + name + ".1", b.Bytes(), 0o644}}
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		pages, err := r.pages(sub)
		if err != nil {
			return nil, err
		}
		all = append(all, pages...)
	}
	return all, nil
}
