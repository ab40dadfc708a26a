//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	api "github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"github.com/docker-bluegreen/docker-bluegreen/e2e/lab"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest/suite"
)

// together is how many scenarios of the suite run at once.
const together = 8

// A real swarm does what the swarm in memory of unit tests does: these are the scenarios that
// TestSuite of swarm/swarmtest runs there.
func TestSuite(t *testing.T) {
	t.Parallel()
	site := siteOn(t, env.lab)
	var all sync.WaitGroup
	places := make(chan struct{}, together) // not t.Parallel: its limit is the number of cores
	for _, s := range suite.Scenarios {
		if s.Alone {
			continue
		}
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			t.Run(s.Name, func(t *testing.T) { s.Test(t, site) })
		})
	}
	all.Wait()
}

// suiteAlone runs the scenarios of the suite that change nodes.
func suiteAlone(t *testing.T, l *lab.Lab) {
	site := siteOn(t, l)
	for _, s := range suite.Scenarios {
		if s.Alone {
			t.Run(s.Name, func(t *testing.T) { s.Test(t, site) })
		}
	}
}

// siteOn is a swarm for the suite.
func siteOn(t *testing.T, l *lab.Lab) suite.Site {
	engine, err := l.Node("n1").Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	var workers []string
	for _, n := range l.Nodes() {
		if !n.Manager {
			workers = append(workers, n.Name)
		}
	}
	return suite.Site{
		Engine: engine, Prefix: "suite", Line: "version v1 starts", Stop: 3 * time.Second, Nodes: workers,
		Container: suiteContainer, Patience: patience, Look: 100 * time.Millisecond,
		SetAvailability: func(host string, a api.NodeAvailability) error { return setAvailability(engine, host, a) },
	}
}

// suiteContainer is the test application, set to behave as a scenario wants.
func suiteContainer(app suite.App) *api.ContainerSpec {
	c := &api.ContainerSpec{Image: "app:v1", Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}}
	if app == suite.Fails {
		c.Healthcheck = nil // that of the image
	}
	c.Env = map[suite.App][]string{
		suite.Serves: {"APP_STOP_DELAY=0s"}, suite.Slow: {"APP_STOP_DELAY=3s"},
		suite.Fails: {"APP_FAIL=exit"}, suite.Breaks: {"APP_FAIL=exit"}, suite.Completes: {"APP_EXIT=0"},
	}[app]
	return c
}

func setAvailability(engine *client.Client, host string, a api.NodeAvailability) error {
	ctx := context.Background()
	var last error
	for range 10 { // the manager writes nodes too
		list, err := engine.NodeList(ctx, api.NodeListOptions{})
		if err != nil {
			return err
		}
		for _, n := range list {
			if n.Description.Hostname != host {
				continue
			}
			spec := n.Spec
			spec.Availability = a
			if last = engine.NodeUpdate(ctx, n.ID, n.Version, spec); last == nil {
				return nil
			}
		}
	}
	return fmt.Errorf("node %s: %w", host, errors.Join(last))
}
