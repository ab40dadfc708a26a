package plugin

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Commands on the pages: lines of code blocks, and code in a text.
var (
	pageInline   = regexp.MustCompile("`([^`\n]*docker (?:--context \\w+ )?bluegreen [^`\n]*)`")
	pageCommands = regexp.MustCompile(`docker (?:--context \w+ )?bluegreen ((?:[^#;|&\n]|\\\n)+)`)
)

// Commands and options that README and docs show exist.
func TestPagesCommands(t *testing.T) {
	names, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, name := range append(names, "../README.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		shown := blockLines(string(text))
		for _, m := range pageInline.FindAllStringSubmatch(string(text), -1) {
			shown = append(shown, m[1])
		}
		for _, line := range shown {
			for _, m := range pageCommands.FindAllStringSubmatch(line, -1) {
				checked++
				if err := checkCommand(strings.Fields(m[1])); err != nil {
					t.Errorf("%s: docker bluegreen %s: %v", filepath.Base(name), strings.TrimSpace(m[1]), err)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("the pages have only %d commands", checked)
	}
}

// blockLines are the lines that a reader may type: those of blocks of a shell or a screen.
func blockLines(text string) (lines []string) {
	inside, shell := false, false
	for line := range strings.Lines(text) {
		language, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence:
			inside, shell = !inside, language == "sh" || language == ""
		case inside && shell && !strings.HasPrefix(line, "#"):
			lines = append(lines, line)
		}
	}
	return lines
}
