//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The same commit makes the same bytes: from another folder, with another umask and time zone.
func TestReproducible(t *testing.T) {
	again := site.release
	again.top, again.out = filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(t.TempDir(), "dist")
	copyTree(t, site.top, again.top)
	t.Setenv("TZ", "Pacific/Chatham")
	defer syscall.Umask(syscall.Umask(0o077))
	if err := again.make([]platform{tested}); err != nil {
		t.Fatal(err)
	}
	names := listed(t, site.out)
	if got := listed(t, again.out); !slices.Equal(got, names) {
		t.Errorf("%v, want %v", got, names)
	}
	for _, name := range names {
		if got, want := read(t, again.path(name)), read(t, site.path(name)); !bytes.Equal(got, want) {
			t.Errorf("%s differs", name)
		}
	}
}

// The largest binary is below the limit: a release is not to fail for that on the day of its tag.
func TestLargestBinary(t *testing.T) {
	p := platform{os: "windows", arch: "amd64"}
	if err := site.build(p, filepath.Join(t.TempDir(), p.program())); err != nil {
		t.Error(err)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", "bin", "dist"}, name) {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		content, err := os.ReadFile(path)
		return errors.Join(err, os.WriteFile(filepath.Join(to, name), content, 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", strings.Join(cmd.Args, " "), err, out, stderr.String())
	}
	return string(out)
}

func TestNames(t *testing.T) {
	want := []string{
		"checksums.txt", "docker-bluegreen-9.8.7-1.x86_64.rpm", "docker-bluegreen.rb", "docker-bluegreen_9.8.7-1_amd64.deb",
		"docker-bluegreen_9.8.7_linux_amd64.cdx.json", "docker-bluegreen_9.8.7_linux_amd64.tar.gz", "install.sh",
	}
	if got := listed(t, site.out); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for version, number := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-rc.1": "1.2.3-rc.1", "v1.2.3-4-gabcdef0": "1.2.3-4-gabcdef0", "abcdef0-dirty": "0.0.0-abcdef0-dirty",
	} {
		if got := (release{version: version}).number(); got != number {
			t.Errorf("%s: %s, want %s", version, got, number)
		}
	}
}

// What sha256sum says of all other files, and it finds one that has changed.
func TestChecksums(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(site.out)); err != nil {
		t.Fatal(err)
	}
	check := func() *exec.Cmd {
		cmd := exec.Command("sha256sum", "--check", "--strict", "--quiet", checksums)
		cmd.Dir = dir
		return cmd
	}
	output(t, check())
	if got, want := strings.Count(string(read(t, filepath.Join(dir, checksums))), "\n"), len(listed(t, dir))-1; got != want {
		t.Errorf("%d checksums, want %d", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "install.sh"), []byte("echo hello\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := check().CombinedOutput(); err == nil || !strings.Contains(string(out), "install.sh: FAILED") {
		t.Errorf("a changed file: %v, %s", err, out)
	}
}

// The archive has the plugin with its rights, and a page of the manual for each command that help
// shows.
func TestArchive(t *testing.T) {
	dir := t.TempDir()
	output(t, exec.Command("tar", "-xzpf", site.path(site.asset(tested, ".tar.gz")), "-C", dir))
	plugin := filepath.Join(dir, "docker-bluegreen")
	help := output(t, exec.Command(plugin, "bluegreen", "--help"))
	_, commands, _ := strings.Cut(help, "\nRelease:\n")
	commands, _, _ = strings.Cut(commands, "\nOptions of all commands:")
	want := []string{"docker-bluegreen.1"}
	for line := range strings.Lines(commands) {
		if name, ok := strings.CutPrefix(line, "  "); ok { // else the heading of a group
			want = append(want, "docker-bluegreen-"+strings.Fields(name)[0]+".1")
		}
	}
	slices.Sort(want)
	if got := listed(t, filepath.Join(dir, "man", "man1")); !slices.Equal(got, want) || len(got) < 10 {
		t.Errorf("pages %v, want %v", got, want)
	}
	page := string(read(t, filepath.Join(dir, "man", "man1", "docker-bluegreen-flip.1")))
	for _, part := range []string{`.TH "DOCKER-BLUEGREEN-FLIP" "1" "May 2024" "docker-bluegreen v9.8.7"`, `\fB--to\fP`, ".SH EXAMPLE"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page of flip lacks %s:\n%s", part, page)
		}
	}
	if got := output(t, exec.Command(plugin, "bluegreen", "version", "--format", "{{.Version}} {{.Commit}}")); got != "v9.8.7 0123456789abcdef\n" {
		t.Errorf("version %q", got)
	}
}

func TestZip(t *testing.T) {
	r := site.release
	r.out = t.TempDir()
	windows := platform{os: "windows", arch: "arm64"}
	if err := r.archive(windows, []byte("program"), []file{{"LICENSE", []byte("text"), 0o644}}); err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(r.path("docker-bluegreen_9.8.7_windows_arm64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var got []string
	for _, f := range z.File {
		got = append(got, f.Name+" "+f.Mode().String()+" "+f.Modified.UTC().Format("15:04:05"))
	}
	if want := []string{"docker-bluegreen.exe -rwxr-xr-x 07:08:10", "LICENSE -rw-r--r-- 07:08:10"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The list of what is inside names the modules that the source is compiled from, and no others.
func TestBOM(t *testing.T) {
	var list cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(read(t, site.path(site.asset(tested, ".cdx.json")))), cdx.BOMFileFormatJSON).Decode(&list); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{end}}{{end}}", "./cmd/docker-bluegreen")
	cmd.Dir, cmd.Env = site.top, append(os.Environ(), "CGO_ENABLED=0")
	want := strings.Fields(output(t, cmd))
	var got []string
	for _, c := range *list.Components {
		if c.Name != "std" {
			got = append(got, c.Name+"@"+c.Version)
		}
		if c.PackageURL != "pkg:golang/"+c.Name+"@"+c.Version {
			t.Errorf("%s: %s", c.Name, c.PackageURL)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if c := list.Metadata.Component; c.Name != "docker-bluegreen" || c.Version != "v9.8.7" {
		t.Errorf("%+v", c)
	}
	if uses := *(*list.Dependencies)[0].Dependencies; len(uses) != len(*list.Components) {
		t.Errorf("%d are used, of %d", len(uses), len(*list.Components))
	}
	var fields map[string]any
	if err := json.Unmarshal(read(t, site.path(site.asset(tested, ".cdx.json"))), &fields); err != nil || fields["bomFormat"] != "CycloneDX" {
		t.Errorf("%v, %v", fields["bomFormat"], err)
	}
}

func TestChoose(t *testing.T) {
	some, err := choose("linux/arm/v7,windows/arm64")
	if err != nil || len(some) != 2 || some[0].arm != "7" || some[1].program() != "docker-bluegreen.exe" {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := choose("linux/mips"); err == nil || !strings.Contains(err.Error(), "linux/mips: there are linux/amd64, linux/arm64, linux/arm/v7, ") {
		t.Error(err)
	}
}

func TestWrongUse(t *testing.T) {
	for name, args := range map[string][]string{
		"nothing":     nil,
		"no epoch":    {"-version", "v1.0.0", "-out", "x"},
		"more words":  {"-version", "v1.0.0", "-epoch", "1", "-out", "x", "y"},
		"wrong epoch": {"-version", "v1.0.0", "-epoch", "today", "-out", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(args); err == nil || !strings.Contains(err.Error(), "make release") {
				t.Error(err)
			}
		})
	}
}
