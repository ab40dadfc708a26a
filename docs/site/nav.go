package main

import (
	"cmp"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// group is a part of the navigation.
type group struct {
	Title string
	Pages []*page
}

// order is where pages stand in the navigation. Pages of docs that it does not name stand in the
// last group, so that a new one is never missing.
var order = []struct {
	title string
	files []string
}{
	{"Start", []string{"README.md", "docs/install.md", "docs/quickstart.md", "docs/from-stack-deploy.md", "docs/from-kamal.md", "docs/from-labels.md", "docs/leave.md"}},
	{"Every day", []string{"docs/releasing.md", "docs/routers.md", "docs/behind.md", "docs/ci.md", "docs/dashboard.md", "docs/metrics.md", "docs/runbook.md"}},
	{"Look up", []string{"docs/commands.md", "docs/x-bluegreen.md", "docs/reference.md", "docs/compose.md", "docs/keys.md"}},
	{"Why it holds", []string{"docs/mechanism.md", "docs/guarantees.md", "docs/evidence.md", "docs/compare.md"}},
	{"Project", []string{"CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}},
}

// findPages lists the pages of the site, in the order of the navigation.
func findPages(root string) ([]group, error) {
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	left := map[string]bool{}
	for _, file := range docs {
		left["docs/"+filepath.Base(file)] = true
	}
	var groups []group
	for _, o := range order {
		g := group{Title: o.title}
		for _, name := range o.files {
			if _, err := os.Stat(filepath.Join(root, name)); err == nil {
				g.Pages = append(g.Pages, &page{Source: name, File: fileOf(name)})
			}
			delete(left, name)
		}
		groups = append(groups, g)
	}
	last := &groups[len(groups)-1]
	for name := range left {
		last.Pages = append(last.Pages, &page{Source: name, File: fileOf(name)})
	}
	own := len(order[len(order)-1].files)
	if own < len(last.Pages) {
		slices.SortFunc(last.Pages[own:], func(a, b *page) int { return cmp.Compare(a.Source, b.Source) })
	}
	return groups, nil
}

// fileOf is the page of a source: docs/routers.md is routers.html.
func fileOf(source string) string {
	if source == "README.md" {
		return "index.html"
	}
	return strings.ToLower(strings.TrimSuffix(path.Base(source), ".md")) + ".html"
}
