package paritytest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what docker stack deploy sends to compose/testdata/stacks")

// TestRecorded sees to it that what the tests of package compose compare with is what docker/cli
// makes of the same files. A stack that docker stack deploy refuses has no record.
func TestRecorded(t *testing.T) {
	dirs, err := filepath.Glob("../testdata/stacks/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no stacks found", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			shell(t, dir)
			abs, err := filepath.Abs(dir)
			if err != nil {
				t.Fatal(err)
			}
			got, err := deploy(t, abs, "shop")
			record := filepath.Join(dir, "stackdeploy.json")
			if err != nil {
				t.Log("refused:", err)
				compare(t, record, nil)
				return
			}
			text, err := json.MarshalIndent(got, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, record, append(bytes.ReplaceAll(text, []byte(abs), []byte("/stack")), '\n'))
		})
	}
}

func compare(t *testing.T, record string, want []byte) {
	t.Helper()
	if *update {
		if want == nil {
			_ = os.Remove(record)
			return
		}
		if err := os.WriteFile(record, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(record)
	if err != nil && want != nil {
		t.Fatalf("%v: run go test -update in compose/paritytest", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what docker stack deploy sends: run go test -update in compose/paritytest", record)
	}
}

// shell makes the environment the one that the file environ beside the stack gives.
func shell(t *testing.T, dir string) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "environ"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/user")
	for line := range strings.Lines(string(content)) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			t.Setenv(name, value)
		}
	}
}
