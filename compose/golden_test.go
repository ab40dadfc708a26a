package compose

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// golden is what a golden file holds of a project; specs only where docker stack deploy, which the
// parity test compares with, refuses the file.
type golden struct {
	Specs     *sent                          `json:"specs,omitempty"`
	BlueGreen map[string]*bluegreen.Settings `json:"blueGreen,omitempty"`
	// ProxyLabels are by service.
	ProxyLabels map[string]map[string]string `json:"proxyLabels,omitempty"`
	DependsOn   map[string][]Dependency      `json:"dependsOn,omitempty"`
	Warnings    []string                     `json:"warnings,omitempty"`
	Notes       []string                     `json:"notes,omitempty"`
}

// TestGolden compares with project.json beside each stack of testdata. Write them with go test
// -update.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*/compose.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no stacks found", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			got := marshal(t, dir, goldenOf(t, dir))
			path := filepath.Join(dir, "project.json")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, string(want), string(got))
		})
	}
}

func goldenOf(t *testing.T, dir string) golden {
	t.Helper()
	p := loadStack(t, dir)
	g := golden{
		BlueGreen:   map[string]*bluegreen.Settings{},
		ProxyLabels: map[string]map[string]string{},
		DependsOn:   map[string][]Dependency{},
		Warnings:    p.Warnings,
		Notes:       p.Notes,
	}
	if _, err := os.Stat(filepath.Join(dir, "stackdeploy.json")); err != nil {
		specs := sentBy(p)
		g.Specs = &specs
	}
	for _, s := range p.Services {
		if s.BlueGreen != nil {
			g.BlueGreen[s.Name] = s.BlueGreen
		}
		if len(s.ProxyLabels) > 0 {
			g.ProxyLabels[s.Name] = s.ProxyLabels
		}
		if len(s.DependsOn) > 0 {
			g.DependsOn[s.Name] = s.DependsOn
		}
	}
	return g
}
