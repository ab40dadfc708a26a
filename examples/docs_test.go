package examples

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the top of the repository.
const root = ".."

// sources are the Go files of the repository, by their path from the top.
func sources(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(root, path)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// pages are README and docs, by name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"} {
		names = append(names, filepath.Join(root, top))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Base(name)] = string(text)
	}
	return found
}

var (
	testNames = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*)`")
	fileNames = regexp.MustCompile("`((?:swarm|compose|plugin|e2e|cmd|examples)/[\\w./-]+\\.(?:go|md|yaml))`")
)

// What pages give as evidence exists: tests by name, files by path.
func TestEvidenceExists(t *testing.T) {
	all := sources(t)
	code := strings.Join(slices.Collect(maps.Values(all)), "\n")
	for page, text := range pages(t) {
		for _, m := range testNames.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(code, "\nfunc "+m[1]+"(") {
				t.Errorf("%s names the test %s, which does not exist", page, m[1])
			}
		}
		for _, m := range fileNames.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names the file %s, which does not exist", page, m[1])
			}
		}
	}
}

// Each message in the runbook is one that the product says.
func TestRunbookMessages(t *testing.T) {
	text := pages(t)["runbook.md"]
	_, table, found := strings.Cut(text, "## By message")
	if !found {
		t.Fatal("the runbook has no messages")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	all := sources(t)
	maps.DeleteFunc(all, func(name, _ string) bool {
		return strings.HasSuffix(name, "_test.go") || !strings.HasPrefix(name, "swarm/") && !strings.HasPrefix(name, "plugin/")
	})
	code := strings.Join(slices.Collect(maps.Values(all)), "\n")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(table, -1)
	if len(rows) < 10 {
		t.Fatalf("the runbook has only %d messages", len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(code, row[1]) {
			t.Errorf("the runbook has the message %q, which nothing says", row[1])
		}
	}
}
