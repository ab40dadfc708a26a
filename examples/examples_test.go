// Package examples holds stack files to start from. Its tests see that they load, and those in the
// README too.
package examples

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
)

func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("*/compose.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Dir(file), func(t *testing.T) { loads(t, file) })
	}
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestReadmeLoads(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := fence.FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no stack file")
	}
	for i, block := range blocks {
		t.Run(fmt.Sprint("file ", i+1), func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "compose.yaml")
			if err := os.WriteFile(file, []byte(block[1]), 0o644); err != nil {
				t.Fatal(err)
			}
			services := loads(t, file).Services
			if !slices.ContainsFunc(services, func(s compose.Service) bool {
				return s.Name == "web" && s.BlueGreen != nil && s.BlueGreen.Ports[0].Target == 8080
			}) {
				t.Errorf("web is not blue-green on port 8080 in:\n%s", block[1])
			}
		})
	}
}

// A block is a whole file if it has services at its top.
var wholeFile = regexp.MustCompile(`(?m)^services:`)

// The whole files that the pages show load as well.
func TestPagesLoad(t *testing.T) {
	for name, text := range pages(t) {
		for i, block := range fence.FindAllStringSubmatch(text, -1) {
			if name == "README.md" || !wholeFile.MatchString(block[1]) {
				continue
			}
			t.Run(fmt.Sprint(name, " ", i+1), func(t *testing.T) {
				file := filepath.Join(t.TempDir(), "compose.yaml")
				for path, content := range map[string]string{file: block[1], filepath.Join(filepath.Dir(file), "maintenance.html"): "<!doctype html>\n"} {
					if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				loads(t, file)
			})
		}
	}
}

// loads fails the test unless a file loads without a warning.
func loads(t *testing.T, file string) *compose.Project {
	t.Helper()
	p, err := compose.Load(t.Context(), compose.Options{Files: []string{file}, Name: "shop", Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) > 0 {
		t.Error(strings.Join(p.Warnings, "\n"))
	}
	return p
}

// The quick start has the file of the example hello.
func TestQuickStart(t *testing.T) {
	example, err := os.ReadFile("hello/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page := pages(t)["quickstart.md"]
	shown := fence.FindStringSubmatch(page)
	if shown == nil || !strings.HasSuffix(string(example), shown[1]) {
		t.Errorf("examples/hello/compose.yaml does not end with what docs/quickstart.md shows:\n%s", shown)
	}
	for line := range strings.Lines(string(example)) {
		command, _, _ := strings.Cut(strings.TrimPrefix(line, "#   "), "   ")
		if strings.HasPrefix(line, "#   ") && !strings.Contains(page, strings.TrimSpace(command)) {
			t.Errorf("docs/quickstart.md does not show %s", command)
		}
	}
}
