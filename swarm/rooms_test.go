package swarm

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/docker-bluegreen/docker-bluegreen/"

// rooms are the lines of the picture in CONTRIBUTING.md: each room, and the rooms that it knows.
func rooms(t *testing.T) (order []string, knows map[string][]string) {
	t.Helper()
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, found := strings.Cut(string(text), "\n## Packages\n")
	_, picture, fenced := strings.Cut(picture, "\n```\n")
	picture, _, closed := strings.Cut(picture, "\n```\n")
	if !found || !fenced || !closed {
		t.Fatal("CONTRIBUTING.md has no picture under Packages")
	}
	knows = map[string][]string{}
	for line := range strings.Lines(picture) {
		words := strings.Fields(line)
		order = append(order, words[0])
		knows[words[0]] = slices.Sorted(slices.Values(words[1:]))
	}
	return order, knows
}

// A room knows the rooms that the picture says, and only rooms that stand below it.
func TestRoomsHaveOneDirection(t *testing.T) {
	order, knows := rooms(t)
	list := imports(t, "./cmd/...", "./plugin/...", "./swarm/...", "./compose/...")
	if len(list) < len(order) {
		t.Errorf("%d packages, and %d rooms in the picture", len(list), len(order))
	}
	for _, p := range list {
		room := strings.TrimPrefix(p.ImportPath, module)
		if strings.Contains(room+"/", "test/") || room == "swarm/histories" {
			continue // what tests share, and what has tests only
		}
		place := slices.Index(order, room)
		if place < 0 {
			t.Errorf("%s is not in the picture", room)
		}
		var got []string
		for _, i := range p.Imports {
			if other, ours := strings.CutPrefix(i, module); ours {
				got = append(got, other)
				if slices.Index(order, other) <= place {
					t.Errorf("%s knows %s, which does not stand below it", room, other)
				}
			}
		}
		if slices.Sort(got); !slices.Equal(got, knows[room]) {
			t.Errorf("%s knows %v, the picture says %v", room, got, knows[room])
		}
	}
}

// Plans are made of values: where they are made nothing is asked and nothing waited for.
func TestPlansAskNobody(t *testing.T) {
	for _, p := range imports(t, "./swarm/plan") {
		for _, i := range p.Imports {
			if i == "context" || i == module+"swarm/engine" || strings.HasPrefix(i, "github.com/docker/docker/client") {
				t.Errorf("swarm/plan imports %s", i)
			}
		}
	}
}

type imported struct {
	ImportPath string
	Imports    []string
}

// imports asks go for packages and what they import, test files apart.
func imports(t *testing.T, patterns ...string) []imported {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports"}, patterns...)...)
	cmd.Dir = ".."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []imported
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p imported
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}
