// Package execute carries out plans.
package execute

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	api "github.com/docker/docker/api/types/swarm"
	"golang.org/x/sync/singleflight"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/plan"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/traffic"
)

// run carries out one plan.
type run struct {
	*Executor
	plan plan.Plan
	// known is what this run knows of the swarm: what was seen, and what it wrote.
	known *cluster.Record

	// turns says when other commands may come in between.
	turns *turns

	mu sync.Mutex
	// begun are the colors that were touched and do not serve yet; a failure puts them back.
	begun []plan.Step
	// existed are the names of those that were there before.
	existed map[string]bool
	// networks are the ids, by name, of those that did not exist before.
	networks map[string]string
	// created are the services whose proxies did not exist before.
	created []*cluster.BlueGreen
	// before are the specs of the proxy services that were changed, by compose name.
	before map[string]api.ServiceSpec
	// served are the services that are past the point of no return: their new version takes
	// traffic, and from then on nothing of theirs is touched.
	served map[string]bool
	// alone are the colors, by service, that get all traffic again since the other one lost its share.
	alone map[string]string
	// back are the services that a guard has taken the traffic back from within the last order.
	back []string
	// emptied are the clearances of colors that were stopped for a new release, by swarm name.
	emptied map[string]clearance
	// proxiesEnd is the wait for the end of all proxies of a stack that goes down.
	proxiesEnd singleflight.Group
	// tolerated are failures that are told at the end.
	tolerated error
	// unverified is the failure of a release that has the traffic, nil for none.
	unverified *cluster.UnhealthyError
}

// tolerate keeps the failure of a step that nothing needs; the command fails with it once all else
// is done.
func (r *run) tolerate(s plan.Step, err error) {
	r.Warn(s.Service, "optional", "services that depend on it go on without it (required: false): %v", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tolerated = errors.Join(r.tolerated, err)
}

// left says what an interruption leaves behind.
func (r *run) left() string {
	if len(r.back) > 0 {
		return "the guard of " + cluster.Sentence(r.back) + " has taken the traffic back: see `docker bluegreen status`"
	}
	switch moved := len(r.served) > 0; {
	case r.plan.Command != plan.Up && moved:
		return "traffic of " + cluster.Sentence(slices.Sorted(maps.Keys(r.served))) + " has moved; the old color may still run"
	case r.plan.Command != plan.Up && len(r.alone) > 0:
		return r.only()
	case r.plan.Command != plan.Up:
		return "traffic is where it was; run the same command again"
	}
	text := "traffic is where it was;"
	if len(r.alone) > 0 {
		text = r.only() + ";"
	}
	if len(r.served) > 0 {
		text = "traffic of " + cluster.Sentence(slices.Sorted(maps.Keys(r.served))) + " has moved to the new release;"
	}
	if moving := r.moving(); len(moving) > 0 {
		text = "traffic of " + cluster.Sentence(moving) + " may be just moving;"
	}
	again := " run `docker bluegreen up` again to finish"
	halfWay, existed := map[string]bool{}, false
	for _, s := range r.begun {
		if !r.served[s.Service] && (r.existed[s.Name] || r.blueGreen(s.Service).Colors[s.Color] != nil) {
			halfWay[s.Name], existed = true, existed || r.existed[s.Name]
		}
	}
	for _, name := range slices.Sorted(maps.Keys(halfWay)) {
		if r.existed[name] {
			text += fmt.Sprintf(" %s is half-way to another release;", name)
		} else {
			text += fmt.Sprintf(" %s is half-way to its first release;", name)
		}
	}
	if existed {
		again += ", or `docker bluegreen rollback` to go back to the release before the active one"
	}
	return text + again
}

// only says which colors get all traffic again.
func (r *run) only() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r.alone)) {
		parts = append(parts, fmt.Sprintf("all traffic of %s goes to %s again", name, r.alone[name]))
	}
	return strings.Join(parts, ", ")
}

// moving are the services whose tasks are perhaps just exchanged: some may be proxies by now, or
// none any more.
func (r *run) moving() []string {
	var names []string
	for _, b := range r.created {
		names = append(names, b.Name)
	}
	for _, s := range r.plan.Steps {
		if _, touched := r.before[s.Service]; touched && (s.Do == plan.Adopt || s.Do == plan.GiveBack) {
			names = append(names, s.Service)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return r.served[name] })
	slices.Sort(names)
	return names
}

// leaves notes that the other color of a service lost its share, or may have lost it.
func (r *run) leaves(s plan.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.alone[s.Service] = s.To.Color
}

// serves notes that a service is past the point of no return.
func (r *run) serves(service string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.served[service] = true
}

func (r *run) touch(s plan.Step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known.Entry(s.Service).Colors[s.Color] != nil {
		r.existed[s.Name] = true
	}
	r.begun = append(r.begun, s)
}

func (r *run) blueGreen(name string) *cluster.BlueGreen {
	return r.known.Entry(name)
}

// Executor carries out plans.
type Executor struct{ *traffic.Switch }

// New returns what carries out plans and moves traffic by way of sw.
func New(sw *traffic.Switch) *Executor { return &Executor{sw} }
