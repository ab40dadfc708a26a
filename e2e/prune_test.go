//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// pruned has services that leave the file: what stands below "gone".
const pruned = `
x-blue: &blue {health: {path: /, interval: 500ms}, drain: 5s, timeout: 5m, proxy: {image: "HAPROXY", deploy: {replicas: 1}}}
services:
  web:
    image: app:${V:-v1}
    expose: [8080]
    environment: {APP_FAIL: "${FAIL:-}", APP_STOP_DELAY: 0s}
    deploy: {endpoint_mode: dnsrr, restart_policy: {delay: 0s}}
    x-bluegreen: *blue
  tool: {image: 'app:v1', profiles: [tools], deploy: {endpoint_mode: dnsrr}}
# gone
  api:
    image: app:v1
    expose: [8080]
    deploy: {endpoint_mode: dnsrr}
    x-bluegreen: *blue
  worker:
    image: app:v1
    environment: {APP_STOP_DELAY: 0s}
    deploy: {endpoint_mode: dnsrr}
`

// What is not in the file goes with --prune, and only once everything else serves: never when the
// new version fails. What belongs to a profile that is not active stays, and no color of a service
// in the file is touched.
func TestPrune(t *testing.T) {
	long(t)
	t.Parallel()
	file := strings.ReplaceAll(pruned, "HAPROXY", newest)
	s := newStack(t, file)
	s.up("v1", "--profile", "tools")
	tool, worker := s.taskIDs("tool"), s.taskIDs("worker")

	rest, _, _ := strings.Cut(file, "# gone")
	s.write(rest)
	s.exits(s.runEnv([]string{"V=v2", "FAIL=exit"}, "up", "--prune"), 3)
	s.same("worker", worker)
	if a := s.active("api"); a != "blue" {
		t.Errorf("api is %q, want blue: nothing may go before the new version serves", a)
	}

	s.says(s.up("v2"), "green is active")
	s.same("worker", worker)
	blue, green := s.taskIDs("web-blue"), s.taskIDs("web-green")
	s.says(s.up("v2", "--prune"), "worker", "not in the file")
	s.same("tool", tool)
	s.same("web-blue", blue)
	s.same("web-green", green)
	for _, o := range s.objects() {
		if strings.Contains(o, "_api") || strings.Contains(o, "_worker") {
			t.Errorf("left: %s", o)
		}
	}
	s.says(s.up("v2", "--prune"), "nothing to do")
	s.consistent()
}
