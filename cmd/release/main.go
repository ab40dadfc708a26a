// Command release makes all files of a release: archives, Linux packages, a list of what is inside,
// checksums, an install script and a Homebrew formula. The same source, version, date and Go make
// the same bytes.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is what all files of one release have in common.
type release struct {
	version string    // the tag, as v1.2.3
	commit  string    // of the source
	date    time.Time // of the commit: the time that every file inside gets
	top     string    // of the repository
	out     string    // folder of the finished files
	url     string    // where those will be, to download
}

const home = "https://github.com/docker-bluegreen/docker-bluegreen"

func run(args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	version := flags.String("version", "", "version, as v1.2.3")
	commit := flags.String("commit", "", "commit of the source")
	epoch := flags.String("epoch", "", "time of the commit, in seconds since 1970")
	top := flags.String("source", filepath.Join("..", ".."), "top of the repository")
	out := flags.String("out", "", "folder for the files; it is emptied first")
	only := flags.String("platforms", "", "platforms, separated by commas, as linux/amd64 (default: all)")
	url := flags.String("url", "", "folder that the files can be downloaded from (default: the release on GitHub)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(*epoch, 10, 64)
	if err != nil || *version == "" || *out == "" || flags.NArg() > 0 {
		return errors.New("-version, -epoch and -out are needed: make release finds them out in a clone of git")
	}
	platforms, err := choose(*only)
	if err != nil {
		return err
	}
	r := release{version: *version, commit: *commit, date: time.Unix(seconds, 0).UTC(), top: *top, out: *out, url: *url}
	if r.url == "" {
		r.url = home + "/releases/download/" + r.version
	}
	return r.make(platforms)
}

// make makes all files, for the given platforms.
func (r release) make(platforms []platform) error {
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "bluegreen-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	common, err := r.documents()
	if err != nil {
		return err
	}
	for _, p := range platforms {
		binary := filepath.Join(work, p.name(), p.program())
		if err := r.build(p, binary); err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
		if err := r.pack(p, binary, common); err != nil {
			return fmt.Errorf("%s: %w", p.name(), err)
		}
	}
	return r.finish(platforms)
}

// pack writes the files of one platform.
func (r release) pack(p platform, binary string, common []file) error {
	content, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	if err := r.archive(p, content, common); err != nil {
		return err
	}
	if err := r.bom(p, binary); err != nil {
		return err
	}
	if p.os != "linux" {
		return nil
	}
	return r.packages(p, content, common)
}

// number is the version without the v. A version that is no tag, as a commit, comes before all
// tags.
func (r release) number() string {
	if v := strings.TrimPrefix(r.version, "v"); v != r.version && strings.Count(v, ".") >= 2 {
		return v
	}
	return "0.0.0-" + r.version
}

// path is the place of a finished file.
func (r release) path(name string) string { return filepath.Join(r.out, name) }

// asset is the name of a finished file of a platform.
func (r release) asset(p platform, extension string) string {
	return fmt.Sprintf("docker-bluegreen_%s_%s%s", r.number(), strings.ReplaceAll(p.name(), "/", "_"), extension)
}
