package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
)

const root = "../.."

// The site of this repository has all pages, each with a title of its own. No page loads anything
// from elsewhere, and no link leads nowhere.
func TestSite(t *testing.T) {
	to := filepath.Join(t.TempDir(), "site")
	made, err := Make(root, to)
	if err != nil {
		t.Fatal(err)
	}
	docs, _ := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if len(docs) == 0 || made.Pages != len(docs)+4 || made.Links < 10*made.Pages {
		t.Errorf("%+v, of %d files in docs", made, len(docs))
	}
	titles := map[string]string{}
	foreign := regexp.MustCompile(`<script|(?:src|srcset)="(?:https?:)?//|<link[^>]*href="(?:https?:)?//|@import|url\(`)
	title := regexp.MustCompile(`<title>([^<]+)</title>`)
	err = filepath.WalkDir(to, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if m := foreign.Find(b); m != nil && filepath.Ext(path) != ".json" {
			t.Errorf("%s has %s", path, m)
		}
		if filepath.Ext(path) != ".html" {
			return err
		}
		m := title.FindSubmatch(b)
		if m == nil {
			t.Errorf("%s has no title", path)
			return err
		}
		if other := titles[string(m[1])]; other != "" {
			t.Errorf("%s and %s have the title %s", path, other, m[1])
		}
		titles[string(m[1])] = path
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever a page names must exist: a file, a heading of another page, one of its own.
func TestBrokenLinks(t *testing.T) {
	good := map[string]string{
		"README.md": "# Top\n\nSee [a](docs/a.md#one-more), [below](#below), [code](docs/code.go), [out](https://example.com/x).\n\n## Below\n",
		"docs/a.md": "# A\n\n![picture](p.svg) <img alt=\"\" src=\"p.svg\">\n\n## One more\n\n[top](../README.md#below)\n",
	}
	for name, c := range map[string]struct{ file, from, to, want string }{
		"all well":               {},
		"no such page":           {"README.md", "docs/a.md#", "docs/b.md#", "docs/b.md does not exist"},
		"no such file":           {"README.md", "code.go", "nocode.go", "docs/nocode.go does not exist"},
		"no such heading":        {"README.md", "#one-more", "#one-less", "a.html has no heading #one-less"},
		"no such heading here":   {"README.md", "(#below)", "(#beneath)", "index.html has no heading #beneath"},
		"heading of other case":  {"docs/a.md", "#below", "#Below", "index.html has no heading #Below"},
		"no such picture":        {"docs/a.md", "(p.svg)", "(q.svg)", "docs/q.svg does not exist"},
		"no such picture in tag": {"docs/a.md", `src="p.svg"`, `src="q.svg"`, "docs/q.svg does not exist"},
		"no title":               {"docs/a.md", "# A", "A", "docs/a.md has no heading"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{"docs/p.svg": "<svg/>", "docs/code.go": "package docs\n"}
			for file, content := range good {
				if file == c.file {
					content = strings.Replace(content, c.from, c.to, 1)
				}
				files[file] = content
			}
			for file, content := range files {
				if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Make(dir, filepath.Join(dir, "site"))
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("the error is %v, want %q", err, c.want)
			}
		})
	}
}

// Anchors are those of GitHub.
func TestAnchors(t *testing.T) {
	ids := &githubIDs{}
	for _, c := range [][2]string{
		{"x-bluegreen", "x-bluegreen"}, {"What `up` does, and why", "what-up-does-and-why"}, {"A/B: two", "ab-two"},
		{"snake_case", "snake_case"}, {"Twice", "twice"}, {"Twice", "twice-1"}, {"Größe", "größe"},
	} {
		if got := string(ids.Generate([]byte(c[0]), ast.KindHeading)); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
}
