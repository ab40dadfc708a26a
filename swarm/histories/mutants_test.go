//go:build mutants

package histories

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// A finder is a test that looks for a fault, by its package and name. args are more flags of it.
type finder struct {
	pkg, test string
	args      []string
	limit     string // of the time that the test may take
	haproxy   bool   // it runs a real HAProxy
}

// others are asked, in this order, when the finder that a patch names has found nothing.
var others = []finder{
	{pkg: "./swarm", test: "TestEveryCall", limit: "15m"},
	{pkg: "./swarm/histories", test: "TestHistories", args: []string{"-histories", "10000", "-time", "2m", "-rapid.shrinktime", "1ms"}, limit: "10m"},
}

var (
	named       = regexp.MustCompile(`(?m)^# found by: (\S+) ([\w/]+)(, with a real HAProxy)?$`)
	failedAfter = regexp.MustCompile(`failed after (\d+ histories)`)
	failedTest  = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)
	panicked    = regexp.MustCompile(`(?m)^panic: `) // also when the time is up
)

// outcome is what came of a mutant.
type outcome struct{ mutant, by, after string }

// The proof can fail: each fault that was once in the product, brought back by a patch, is found.
// The first line of a patch says what the fault does; a line `# found by: PACKAGE TEST` names the
// cheapest test that finds it.
func TestMutants(t *testing.T) {
	patches, err := filepath.Glob("mutants/*.patch")
	if err != nil || len(patches) == 0 {
		t.Fatalf("no patches: %v", err)
	}
	dir := t.TempDir()
	copySource(t, "../..", dir)
	var table []outcome
	for _, p := range patches {
		patch, err := filepath.Abs(p)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(p), ".patch")
		t.Run(name, func(t *testing.T) {
			o := outcome{name, "", ""}
			defer func() { table = append(table, o) }()
			o.by = "the patch is broken"
			text := bringBack(t, dir, patch)
			o.by = "NOBODY"
			began := time.Now()
			by, after := search(t, dir, text)
			took := time.Since(began).Round(time.Second).String()
			if by == "" {
				o.after = took
				t.Fatalf("it survived %s of tests", took)
			}
			o.by, o.after = by, strings.TrimSuffix(took+", "+after, ", ")
		})
	}
	t.Logf("\n%s", tabulate(table))
}

func tabulate(table []outcome) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "mutant\tfound by\tafter")
	for _, o := range table {
		fmt.Fprintf(w, "%s\t%s\t%s\n", o.mutant, o.by, o.after)
	}
	w.Flush()
	return b.String()
}

// bringBack applies a patch until the test ends, and returns its text.
func bringBack(t *testing.T, dir, patch string) string {
	t.Helper()
	text, err := os.ReadFile(patch)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := in(dir, "git", "apply", patch); err != nil {
		t.Fatalf("the patch does not apply: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := in(dir, "git", "apply", "-R", patch); err != nil {
			t.Fatalf("the patch cannot be taken back: %v\n%s", err, out)
		}
	})
	if out, err := in(dir, "go", "build", "./swarm/...", "./plugin"); err != nil {
		t.Fatalf("it does not compile: %v\n%s", err, out)
	}
	return string(text)
}

// search tells which test finds the fault of a patch, and after how many histories; nothing when
// none does.
func search(t *testing.T, dir, patch string) (by, after string) {
	t.Helper()
	finders := others
	if f := named.FindStringSubmatch(patch); f != nil {
		finders = append([]finder{{pkg: f[1], test: f[2], limit: "2m", haproxy: f[3] != ""}}, others...)
	}
	for _, f := range finders {
		if by, after := f.finds(t, dir); by != "" {
			return by, after
		}
	}
	return "", ""
}

// finds runs the test, and returns which part of it failed first; nothing when all passed.
func (f finder) finds(t *testing.T, dir string) (by, after string) {
	t.Helper()
	// go vet has a word on conditions that are always false.
	args := append([]string{"go", "test", f.pkg, "-run", "^" + f.test + "$", "-vet=off", "-count", "1", "-failfast", "-timeout", f.limit}, f.args...)
	if f.haproxy {
		args = append([]string{"go", "run", "./e2e/lab/roots", "2.6", "--"}, args...)
	}
	out, err := in(dir, args[0], args[1:]...)
	var failed *exec.ExitError
	switch {
	case err == nil && strings.Contains(out, "no tests to run"):
		t.Fatalf("there is no %s in %s", f.test, f.pkg)
	case err == nil:
		return "", ""
	case !errors.As(err, &failed):
		t.Fatal(err)
	}
	if m := failedAfter.FindStringSubmatch(out); m != nil {
		after = m[1]
	}
	all := failedTest.FindAllStringSubmatch(out, -1)
	if all == nil && !panicked.MatchString(out) {
		t.Fatalf("no test failed, and go test did: %s", out)
	}
	by = f.test // where parts of a test fail, the one that is longest says most
	for _, m := range all {
		if strings.HasPrefix(m[1], f.test+"/") && strings.Count(m[1], "/") > strings.Count(by, "/") && after == "" {
			by = m[1]
		}
	}
	return f.pkg + " " + by, after
}

func in(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	// Without a repository git takes the patch's paths as they stand.
	cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// copySource copies the source tree, without its history and what was built.
func copySource(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case name == ".git", name == "bin":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
