package swarm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// twoTested is a file with two services, each with a job of its own.
func twoTested(key, v string) string {
	return fmt.Sprintf(`services:
  web: {image: 'shop/web:%[2]s', deploy: {replicas: 3}, expose: [8080], x-bluegreen: {%[1]s: [smoke]}}
  api: {image: 'shop/api:%[2]s', deploy: {replicas: 3}, expose: [8080], x-bluegreen: {%[1]s: [probe]}}
  smoke: {image: 'shop/smoke:1', deploy: {mode: replicated-job}}
  probe: {image: 'shop/probe:1', deploy: {mode: replicated-job}}
`, key, v)
}

// Of two services under test one fails, while the job of the other still runs: what was begun is
// put back all the same.
func TestFailureBesideATest(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(twoTested("test", "1")))
		m.must(m.up(twoTested("test", "2")))
		slow := m.Default
		slow.Done = time.Hour
		m.SetApp("shop/probe:1", slow)
		m.SetApp("shop/smoke:1", swarmtest.App{Start: 30 * time.Second, Fails: true})
		err := m.up(twoTested("test", "3"))
		m.wantError(err, new(*cluster.UnhealthyError), "failed its test smoke")
		if strings.Contains(err.Error(), "could not be restored") {
			t.Errorf("nothing was put back: %v", err)
		}
		m.wantColors("shop/web:1 x 3 of 3", "shop/web:2 x 3 of 3")
	})
}

// Of two releases that have the traffic one fails its verification, while the job of the other
// still runs: the traffic goes back all the same.
func TestFailedVerificationBesideAnother(t *testing.T) {
	inMemory(t, func(m *memory) {
		m.must(m.up(twoTested("verify", "1")))
		m.must(m.up(twoTested("verify", "2")))
		slow := m.Default
		slow.Done = time.Hour
		m.SetApp("shop/probe:1", slow)
		m.SetApp("shop/smoke:1", swarmtest.App{Start: 30 * time.Second, Fails: true})
		err := m.up(twoTested("verify", "3"))
		m.wantError(err, new(*cluster.UnhealthyError), "failed its test smoke")
		if strings.Contains(err.Error(), "did not go back") {
			t.Errorf("the traffic stays with a release that has failed: %v", err)
		}
		m.wantRoutes("4:green", "4:green")
	})
}

// While a release is verified, one of another service fails its test: that is no failure of the
// verification, and the traffic of the first one stays.
func TestFailedTestBesideAVerification(t *testing.T) {
	file := func(v string) string {
		return fmt.Sprintf(`services:
  web: {image: 'shop/web:%[1]s', deploy: {replicas: 3}, expose: [8080], x-bluegreen: {verify: [smoke]}}
  api: {image: 'shop/api:%[1]s', deploy: {replicas: 3}, expose: [8080], depends_on: [web], x-bluegreen: {test: [probe]}}
  smoke: {image: 'shop/smoke:1', deploy: {mode: replicated-job}}
  probe: {image: 'shop/probe:1', deploy: {mode: replicated-job}}
`, v)
	}
	inMemory(t, func(m *memory) {
		m.must(m.up(file("1")))
		m.must(m.up(file("2")))
		slow := m.Default
		slow.Done = time.Hour
		m.SetApp("shop/smoke:1", slow)
		m.SetApp("shop/probe:1", swarmtest.App{Start: 30 * time.Second, Fails: true})
		err := m.up(file("3"))
		m.wantError(err, new(*cluster.UnhealthyError), "service api (blue) failed its test probe")
		m.wantRoutes("3:blue", "3:blue")
	})
}
