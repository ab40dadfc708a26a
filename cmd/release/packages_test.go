//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sassoftware/go-rpmutils"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

// packed is a file of a package.
type packed struct {
	mode    int64
	sum     string
	owner   string
	seconds int64
}

func (p packed) String() string { return fmt.Sprintf("%o %s %d %s", p.mode, p.owner, p.seconds, p.sum) }

// The rpm has the files of the deb, byte for byte, with their rights, owners and times.
func TestRPM(t *testing.T) {
	deb, rpm := inDeb(t), inRPM(t)
	if got, want := slices.Sorted(maps.Keys(rpm)), slices.Sorted(maps.Keys(deb)); !slices.Equal(got, want) || len(want) < 10 {
		t.Errorf("%v, want %v", got, want)
	}
	for name, want := range deb {
		if got := rpm[name]; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if p := deb["/usr/libexec/docker/cli-plugins/docker-bluegreen"]; p.mode != 0o755 || p.owner != "root:root" || p.seconds != site.date.Unix() {
		t.Errorf("the plugin: %s", p)
	}
}

// rpm installs it below another root, where the plugin answers, and leaves nothing when it goes.
func TestRPMInstalls(t *testing.T) {
	if err := lab.Install(map[string]string{"rpm": "rpm"}); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	rpm := func(args ...string) {
		t.Helper()
		output(t, exec.Command("rpm", append([]string{"--root", root, "--dbpath", "/var/lib/rpm"}, args...)...))
	}
	rpm("--initdb")
	rpm("--install", "--nodeps", site.path("docker-bluegreen-9.8.7-1.x86_64.rpm")) // there is no docker command below it
	rpm("--verify", "--nodeps", "docker-bluegreen")
	if got := output(t, exec.Command(root+pluginFolder+"/docker-bluegreen", "bluegreen", "version", "--format", "{{.Version}}")); got != "v9.8.7\n" {
		t.Errorf("it is version %q", got)
	}
	rpm("--erase", "docker-bluegreen")
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(strings.TrimPrefix(path, root), "bluegreen") {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func inDeb(t *testing.T) map[string]packed {
	t.Helper()
	out := output(t, exec.Command("dpkg-deb", "--fsys-tarfile", site.path("docker-bluegreen_9.8.7-1_amd64.deb")))
	found := map[string]packed{}
	for r := tar.NewReader(strings.NewReader(out)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		found[strings.TrimPrefix(h.Name, ".")] = packed{h.Mode, digest(t, r), h.Uname + ":" + h.Gname, h.ModTime.Unix()}
	}
}

func inRPM(t *testing.T) map[string]packed {
	t.Helper()
	rpm, err := rpmutils.ReadRpm(bytes.NewReader(read(t, site.path("docker-bluegreen-9.8.7-1.x86_64.rpm"))))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := rpm.Header.GetNEVRA(); err != nil || n.String() != "docker-bluegreen-0:9.8.7-1.x86_64.rpm" {
		t.Errorf("%v, %v", n, err)
	}
	payload, err := rpm.PayloadReaderExtended()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]packed{}
	for {
		f, err := payload.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if f.Mode()&0o170000 != 0o100000 {
			continue
		}
		sum := digest(t, payload)
		if sum != f.Digest() {
			t.Errorf("%s: the header says %s, and its bytes are %s", f.Name(), f.Digest(), sum)
		}
		found[f.Name()] = packed{int64(f.Mode() & 0o777), sum, f.UserName() + ":" + f.GroupName(), int64(f.Mtime())}
	}
}

func digest(t *testing.T, r io.Reader) string {
	t.Helper()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestControl(t *testing.T) {
	out := output(t, exec.Command("dpkg-deb", "--field", site.path("docker-bluegreen_9.8.7-1_amd64.deb"), "Package", "Version", "Architecture", "Recommends", "Homepage"))
	want := "Package: docker-bluegreen\nVersion: 9.8.7-1\nArchitecture: amd64\nRecommends: docker-ce-cli | docker-cli | docker.io\nHomepage: " + home + "\n"
	if out != want {
		t.Errorf("%s, want %s", out, want)
	}
}
