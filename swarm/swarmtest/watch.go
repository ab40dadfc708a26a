package swarmtest

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"
)

// View is what a judge sees of the swarm at one moment.
type View struct {
	// Proxies are those that have not ended, sorted by task.
	Proxies []ProxyView
	// Running are the tasks that run on nodes that are ready, by the name of their service.
	Running map[string]int
}

// ProxyView is one proxy.
type ProxyView struct {
	Task, Service string // the service is that of the swarm, as shop_web
	Node          string // host name
	Sequence      uint64
	Color         string
	Share         int // percent of the traffic, of the other color
	// Back is the color that it may go back to by itself; empty for none.
	Back string
	// Reachable says that it runs, is to go on, and its node is ready.
	Reachable bool
	// Since is when it was healthy first.
	Since time.Time
}

// View looks at the swarm as it is now.
func (s *Swarm) View() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view()
}

func (s *Swarm) view() View {
	v := View{Running: map[string]int{}}
	for _, t := range s.tasks {
		name, runs := t.service.Spec.Name, t.Status.State == api.TaskStateRunning
		up := s.isUp(t.NodeID)
		if runs && up && wanted(t) {
			v.Running[name]++
		}
		if t.proxy != nil && !ended(t) {
			v.Proxies = append(v.Proxies, ProxyView{Task: t.ID, Service: name, Node: strings.Replace(t.NodeID, "node", "n", 1),
				Sequence: t.proxy.route.Sequence, Color: t.proxy.route.Color, Share: t.proxy.route.Share, Back: t.proxy.route.Back(), Reachable: runs && up && wanted(t), Since: t.since})
		}
	}
	slices.SortFunc(v.Proxies, func(a, b ProxyView) int { return cmp.Compare(a.Task, b.Task) })
	return v
}

// Watch shows every state of the swarm that lasts for a moment, until stop is called.
func (s *Swarm) Watch(look func(View)) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			s.mu.Lock()
			v, changed := s.view(), s.changed
			s.mu.Unlock()
			look(v)
			select {
			case <-changed:
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// KillTask ends the process of a task of a service that runs, by its number among these: Swarm puts
// another in its place. The error says that none runs.
func (s *Swarm) KillTask(service string, n int) error {
	s.mu.Lock()
	var running []*task
	for _, t := range s.tasks {
		if t.service.Spec.Name == service && t.Status.State == api.TaskStateRunning && s.isUp(t.NodeID) {
			running = append(running, t)
		}
	}
	s.mu.Unlock()
	if len(running) == 0 {
		return errors.New("no task of " + service + " runs")
	}
	s.finish(running[n%len(running)], 137)
	return nil
}
