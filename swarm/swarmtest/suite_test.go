package swarmtest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest/suite"
)

// The swarm in memory does what a real one does: e2e runs the same scenarios there.
func TestSuite(t *testing.T) {
	for _, scenario := range suite.Scenarios {
		t.Run(scenario.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(2)
				t.Cleanup(s.Close)
				scenario.Test(t, site(s))
			})
		})
	}
}

func site(s *Swarm) suite.Site {
	const start, line = time.Second, "hello"
	s.Apps = map[string]App{
		string(suite.Serves):    {Start: start, Log: []string{line}},
		string(suite.Slow):      {Start: start, Stop: 3 * time.Second, Done: time.Hour},
		string(suite.Fails):     {Start: start, Fails: true},
		string(suite.Breaks):    {Start: start, Fails: true, Ends: true, Done: 10 * time.Millisecond},
		string(suite.Completes): {Start: start, Ends: true, Done: time.Second, Log: []string{line}},
	}
	return suite.Site{
		Engine: s, Prefix: "suite", Line: line, Stop: 3 * time.Second, Nodes: []string{"n1", "n2"},
		Container: func(app suite.App) *api.ContainerSpec {
			return &api.ContainerSpec{Image: string(app), Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}
		},
		SetAvailability: func(host string, a api.NodeAvailability) error { s.SetAvailability(host, a); return nil },
		Patience:        time.Minute, Look: 50 * time.Millisecond,
	}
}
