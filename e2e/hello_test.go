//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab/image"
	"github.com/docker-bluegreen/docker-bluegreen/e2e/load"
)

// helloHere is what the lab needs beside the example: no node has IPVS for the ingress mesh, and no
// registry has HAProxy.
const helloHere = `
x-bluegreen: {proxy: {image: "` + newest + `"}}
services:
  web:
    ports: !override [{target: 80, published: 8095, mode: host}]
    deploy: {endpoint_mode: dnsrr}
`

// The example of the quick start, with nginx of the versions that its tags name, under traffic: a
// new release and the way back lose no request, and down leaves nothing.
func TestHello(t *testing.T) {
	t.Parallel()
	tars, err := image.Build(context.Background(), t.TempDir(), "nginx:1.22", "nginx:1.26")
	if err != nil {
		t.Fatal(err)
	}
	if err := env.lab.Load(context.Background(), tars...); err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../examples/hello/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := newStack(t, string(example))
	if err := os.WriteFile(filepath.Join(s.dir, "compose.override.yaml"), []byte(helloHere), 0o644); err != nil {
		t.Fatal(err)
	}
	s.must("up")
	l := s.load(8095, load.Options{Workers: 8, Rate: 200, KeepAlive: 0.5, Version: "Server"})
	old := s.series(l, "nginx/1.22.")
	s.up("1.26")
	s.settled(l, s.series(l, "nginx/1.26."))
	s.must("rollback")
	s.settled(l, old)
	s.zeroFailed(l.Stop())
	s.must("down")
	if left := s.objects(); len(left) > 0 {
		t.Errorf("down left %v", left)
	}

	// docs/leave.md: the same without the plugin.
	s.must("up")
	colors := s.docker("service", "ls", "-q", "--filter", "label=com.docker.stack.namespace="+s.name+"-bluegreen")
	s.docker(append([]string{"service", "rm"}, strings.Fields(colors)...)...)
	s.docker("stack", "rm", s.name, s.name+"-bluegreen")
	s.eventually("docker stack rm leaves nothing", func() bool { return len(s.objects()) == 0 })
}

// series waits until a version with a prefix answers, and returns it whole.
func (s *stack) series(l *load.Load, prefix string) (version string) {
	s.t.Helper()
	since := time.Now()
	s.eventually(prefix+" answers", func() bool {
		for v := range l.Since(since).Versions {
			if strings.HasPrefix(v, prefix) {
				version = v
			}
		}
		return version != ""
	})
	return version
}
