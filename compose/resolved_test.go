package compose

import (
	"os"
	"path/filepath"
	"testing"

	"go.yaml.in/yaml/v4"
)

// TestResolvedIsTheSame holds that what config prints is a file that means the same.
func TestResolvedIsTheSame(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*/compose.yml")
	if err != nil || len(files) == 0 {
		t.Fatal("no stacks found", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p := loadStack(t, dir)
			text, err := yaml.Marshal(p.Resolved)
			if err != nil {
				t.Fatal(err)
			}
			printed := filepath.Join(dir, "printed.yml")
			if err := os.WriteFile(printed, text, 0o600); err != nil {
				t.Fatal(err)
			}
			defer os.Remove(printed)
			again, err := Load(t.Context(), Options{Dir: dir, Files: []string{"printed.yml"}, Name: "shop", Environ: stackEnviron(t, dir)})
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			diff(t, string(marshal(t, dir, sentBy(p))), string(marshal(t, dir, sentBy(again))))
		})
	}
}
