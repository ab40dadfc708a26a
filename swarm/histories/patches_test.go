package histories

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The patches of make mutants fit the source as it is: that is seen without running them.
func TestPatchesApply(t *testing.T) {
	patches, err := filepath.Glob("mutants/*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("patches: %q, %v", patches, err)
	}
	for _, p := range patches {
		path, err := filepath.Abs(p)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "apply", "--check", path)
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", p, err, out)
		}
	}
}
