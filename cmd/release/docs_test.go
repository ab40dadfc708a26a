//go:build linux

package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	blocks    = regexp.MustCompile("(?s)```sh\n(.*?)```")
	downloads = regexp.MustCompile(`/releases/download/v1\.0\.0/(\S+)`)
)

// The page about installing names files that a release has, by commands that a shell understands.
func TestInstallPage(t *testing.T) {
	page := string(read(t, filepath.Join(site.top, "docs", "install.md")))
	all := listed(t, site.out)
	for i, name := range all {
		all[i] = strings.ReplaceAll(name, "9.8.7", "1.0.0")
	}
	workflow := string(read(t, filepath.Join(site.top, ".github", "workflows", "release.yml")))
	const signature = checksums + ".sigstore.json"
	if !strings.Contains(workflow, "--bundle dist/"+signature+" dist/"+checksums) {
		t.Errorf("the workflow does not make %s", signature)
	}
	all = append(all, signature)
	found := downloads.FindAllStringSubmatch(page, -1)
	for _, m := range found {
		if !slices.Contains(all, m[1]) {
			t.Errorf("the page names %s, and a release has %v", m[1], all)
		}
	}
	commands := blocks.FindAllStringSubmatch(page, -1)
	for _, m := range commands {
		check := exec.Command("/bin/sh", "-n")
		check.Stdin = strings.NewReader(m[1])
		output(t, check)
	}
	if len(found) < 6 || len(commands) < 10 {
		t.Errorf("the page has %d downloads and %d blocks", len(found), len(commands))
	}
}
