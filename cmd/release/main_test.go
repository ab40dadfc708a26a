//go:build linux

package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
)

// site is where the files of the tests' release can be downloaded.
var site struct {
	release
	changed atomic.Bool // the last byte of a download is another
	cut     atomic.Bool // downloads end too soon
}

// tested is the platform that tests build for; the others are for make release.
var tested = platforms[0]

func TestMain(m *testing.M) { os.Exit(tests(m)) }

func tests(m *testing.M) int {
	if err := lab.Ready(); err != nil { // chroot needs root, and the packages need a docker command line
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "bluegreen-release-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	server := httptest.NewServer(http.HandlerFunc(serve))
	defer server.Close()
	site.release = release{
		version: "v9.8.7", commit: "0123456789abcdef", date: time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC),
		top: filepath.Join("..", ".."), out: filepath.Join(dir, "dist"), url: server.URL,
	}
	if err := site.make([]platform{tested}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func serve(w http.ResponseWriter, r *http.Request) {
	content, err := os.ReadFile(site.path(filepath.Base(r.URL.Path)))
	switch {
	case err != nil:
		http.NotFound(w, r)
		return
	case site.changed.Load():
		content[len(content)-1] ^= 1
	case site.cut.Load():
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		content = content[:len(content)/2]
	}
	_, _ = w.Write(content) // who goes away has what it wanted
}
