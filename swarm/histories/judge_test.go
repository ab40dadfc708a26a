package histories

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/swarmtest"
)

// judge looks at the swarm, and knows what must never be. It uses none of the product's code.
type judge struct {
	w *world

	mu     sync.Mutex
	began  time.Time
	story  []string
	faults []string
	// acts counts what happened: hands, nodes, commands that began or ended.
	acts int
	// touched is when a hand or a node last took something away.
	touched time.Time
	// orphaned is when proxies were last removed by hand.
	orphaned time.Time
	// routes are those of the proxies, when they were last looked at.
	routes map[string]swarmtest.ProxyView
	back   map[string]time.Time // since when nodes are ready again
	down   map[string]bool      // nodes
	holder *command             // of the lock
}

func newJudge(w *world) *judge {
	return &judge{w: w, began: time.Now(), routes: map[string]swarmtest.ProxyView{}, back: map[string]time.Time{}, down: map[string]bool{}}
}

func (j *judge) tell(format string, args ...any) {
	j.story = append(j.story, fmt.Sprintf("%8.1fs ", time.Since(j.began).Seconds())+fmt.Sprintf(format, args...))
}

func (j *judge) fault(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.faulty(format, args...)
}

func (j *judge) faulty(format string, args ...any) {
	j.tell("FAULT "+format, args...)
	j.faults = append(j.faults, fmt.Sprintf(format, args...))
}

// found is what was found, with all that happened; nothing when all was well.
func (j *judge) found() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.faults) == 0 {
		return nil
	}
	return append(slices.Clone(j.faults), j.story...)
}

// act notes that something happened by hand, or to a node.
func (j *judge) act(s step) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.acts++
	if s.Do != trip { // it takes nothing away
		j.touched = time.Now()
	}
	switch s.Do {
	case nodeDown:
		j.down[nodeName(s.N)] = true
	case nodeUp:
		delete(j.down, nodeName(s.N))
		j.back[nodeName(s.N)] = time.Now()
	case removeProxy, rollbackProxy:
		j.orphaned = time.Now()
	}
	j.tell("%s %d", s.Do, s.N)
}

func (j *judge) begins(c *command) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.acts++
	c.acts = j.acts
	text := ""
	if c.Trouble != nil {
		text = fmt.Sprintf(": %+v", *c.Trouble)
	}
	j.tell("%v begins%s", c, text)
}

// hears hears what a command tells.
func (j *judge) hears(c *command, e cluster.Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tell("    %d: %s %s: %s", c.number, e.Service, e.Step, e.Text)
}

// route is what a proxy sends by, as labels have it.
func route(p swarmtest.ProxyView) string {
	text := fmt.Sprintf("%d:%s", p.Sequence, p.Color)
	if p.Share > 0 {
		text += fmt.Sprintf(":%d", p.Share)
	}
	return text
}

// led is a route, as labels have it, without what it says of guards.
func led(route string) string {
	f := strings.Split(route, ":")
	return strings.TrimSuffix(strings.Join(f[:min(len(f), 3)], ":"), ":")
}

// destination is where a route leads.
func destination(route string) string {
	_, where, _ := strings.Cut(led(route), ":")
	return where
}

// sends says whether a proxy sends anything to a color of its service.
func sends(p swarmtest.ProxyView, color string) bool {
	return p.Color == color || p.Back == color || p.Share > 0 && slices.Contains(colors[:], color)
}

// look sees every state of the swarm.
func (j *judge) look(v swarmtest.View) {
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := map[string]swarmtest.ProxyView{}
	for _, p := range v.Proxies {
		seen[p.Task] = p
		was, known := j.routes[p.Task]
		if !known || route(was) != route(p) {
			j.tell("%s sends to %s", p.Task, route(p))
		}
		switch {
		case !known:
		case p.Sequence < was.Sequence, p.Sequence == was.Sequence && route(p) != route(was):
			j.faulty("the route of %s went back from %s to %s", p.Task, route(was), route(p))
		default:
			for _, color := range colors {
				if sends(p, color) && !sends(was, color) && v.Running[p.Service+"-"+color] == 0 && time.Since(j.touched) > time.Minute {
					j.faulty("%s was sent to %s by %s, of which no task runs", p.Task, color, route(p))
				}
			}
		}
	}
	j.routes = seen
	j.agree(v)
}

// agree sees that no two proxies have different routes of one sequence: neither would ever take the
// other's.
func (j *judge) agree(v swarmtest.View) {
	if !j.orphaned.IsZero() && time.Since(j.orphaned) < 2*time.Minute {
		return
	}
	routes := map[uint64]string{}
	for _, p := range v.Proxies {
		if other, ok := routes[p.Sequence]; p.Reachable && p.Service == proxyService {
			if ok && other != route(p) {
				j.faulty("two proxies have the routes %s and %s", other, route(p))
			}
			routes[p.Sequence] = route(p)
		}
	}
}

// writes sees a write of a command to a service, before it is carried out: it has the lock. Of an
// order only its end is left to be cleaned up.
func (j *judge) writes(c *command, service string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.holder != c && !strings.Contains(service, "_order-") {
		j.faulty("%v writes %s, and the lock is that of %v", c, service, j.holder)
	}
}

func (j *judge) locks(c *command) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.holder = c
	j.tell("%v has the lock", c)
}

// updates sees a service that a command is about to write.
func (j *judge) updates(c *command, v api.Version, spec api.ServiceSpec) {
	j.writes(c, spec.Name)
	live := j.w.Service(spec.Name)
	if live == nil || live.Version != v {
		return // it is refused
	}
	j.mu.Lock()
	for _, label := range []string{"bluegreen.alias.web", "bluegreen.next", "bluegreen.served"} {
		if was, is := live.Spec.Labels[label], spec.Labels[label]; was != is {
			j.tell("%v writes %s of %s: %q, it was %q", c, label, spec.Name, is, was)
		}
	}
	j.mu.Unlock()
	n, was := wanted(spec), wanted(live.Spec)
	switch {
	case n > 0 && spec.Labels["bluegreen.reduced"] == fmt.Sprintf("%d of %d", n, was):
		// Slots without a node get new tasks: Swarm takes those first that do not run, and the number
		// goes up again with the next write.
		j.mu.Lock()
		j.tell("%v reduces %s to %d of %d", c, spec.Name, n, was)
		j.mu.Unlock()
		return
	case n < was:
		j.takes(c, spec.Name, fmt.Sprintf("scales from %d to %d", was, n))
		return
	}
	now, before := spec.TaskTemplate, live.Spec.TaskTemplate
	now.ForceUpdate = before.ForceUpdate
	if text(now) != text(before) {
		j.takes(c, spec.Name, fmt.Sprintf("changes (%s to %s)", before.ContainerSpec.Image, now.ContainerSpec.Image))
	}
}

func wanted(spec api.ServiceSpec) uint64 {
	if spec.Mode.Replicated == nil || spec.Mode.Replicated.Replicas == nil {
		return 0
	}
	return *spec.Mode.Replicated.Replicas
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// removes sees a service that a command is about to remove.
func (j *judge) removes(c *command, id string) {
	svc, _, err := j.w.ServiceInspectWithRaw(c.ctx, id, api.ServiceInspectOptions{})
	if err == nil {
		j.writes(c, svc.Spec.Name)
		j.takes(c, svc.Spec.Name, "removes")
	}
}

// takes sees that a command is about to take a color away. No proxy that lives may send there, also
// one that cannot be reached; unless down removes all, or a hand removed the proxies, which a
// command does not see.
func (j *judge) takes(c *command, service, how string) {
	v := j.w.View()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !strings.Contains(service, "_order-") {
		j.tell("%v %s %s", c, how, service)
	}
	if c.Do == down || v.Running[service] == 0 || !j.orphaned.IsZero() && time.Since(j.orphaned) < 2*time.Minute {
		return
	}
	for _, p := range v.Proxies {
		if color, ok := strings.CutPrefix(service, p.Service+"-"); ok && sends(p, color) {
			j.faulty("%v %s %s, and %s on %s sends there", c, how, service, p.Task, p.Node)
		}
	}
}

// ends sees how a command has ended. One that was killed says nothing.
func (j *judge) ends(c *command, err error, dead bool) {
	v := j.w.View()
	live := j.w.Service(proxyService)
	j.mu.Lock()
	defer j.mu.Unlock()
	alone := j.acts == c.acts && j.holder == c // else one that waited has the lock already
	j.acts++
	if dead {
		j.tell("%v was killed", c)
		return
	}
	j.tell("%v ends: %v", c, err)
	if err != nil || c.Do == down {
		return
	}
	var routes []string
	reachable := 0
	for _, p := range v.Proxies {
		if p.Reachable {
			reachable++
		}
		fresh := time.Since(p.Since) < 5*time.Second || j.back[p.Node].After(c.began)
		if p.Reachable && !fresh && p.Service == proxyService {
			routes = append(routes, destination(route(p)))
		}
	}
	slices.Sort(routes)
	routes = slices.Compact(routes)
	switch {
	case live == nil:
		if alone {
			j.faulty("%v ended well, and there is no %s", c, proxyService)
		}
	case c.Do == plainUp:
		if alone && (reachable > 0 || live.Spec.TaskTemplate.ContainerSpec.Image != image(c.N)) {
			j.faulty("%v ended well, and %s runs %s with %d proxies", c, proxyService, live.Spec.TaskTemplate.ContainerSpec.Image, reachable)
		}
	case len(routes) > 1:
		j.faulty("%v ended well, and proxies send to %v", c, routes)
	case !alone || len(j.down) > 0: // the tasks there are not replaced
	case reachable == 0:
		j.faulty("%v ended well, and no proxy can be reached", c)
	case len(routes) == 0:
	default:
		j.asked(c, v, routes[0], live.Spec.Labels["bluegreen.alias.web"])
	}
}

// isUp says whether a command is an up that ends with all traffic on its release.
func isUp(c *command) bool { return c.Do == up || c.Do == stepUp || c.Do == guardUp }

// restarting is how long tasks may be on their way after a hand has restarted or scaled them.
const restarting = 5 * time.Second

// asked sees whether a command did what it was asked for: nothing else happened meanwhile.
func (j *judge) asked(c *command, v swarmtest.View, where, label string) {
	color, share, _ := strings.Cut(where, ":")
	svc := j.w.Service(colorService(color))
	switch {
	case destination(label) != where:
		j.faulty("%v ended well, proxies send to %s, and %s is written down", c, where, label)
	case c.Do == canary && share != map[bool]string{true: fmt.Sprint(c.N)}[c.N > 0]:
		j.faulty("%v ended well, and proxies send to %s", c, where)
	case share != "" && (isUp(c) || c.Do == flip || c.Do == rollback || c.Do == promote):
		j.faulty("%v ended well, and the other color still has a share of %s %%", c, share)
	case isUp(c) && (svc == nil || v.Running[colorService(color)] == 0 && time.Since(j.touched) > restarting):
		j.faulty("%v ended well, and no task of %s runs, which has the traffic", c, color)
	case isUp(c) && svc.Spec.TaskTemplate.ContainerSpec.Image != image(c.N):
		j.faulty("%v ended well, and traffic goes to %s", c, svc.Spec.TaskTemplate.ContainerSpec.Image)
	case c.Do == flip && color != colors[c.N]:
		j.faulty("%v ended well, and traffic goes to %s", c, color)
	}
}

// isRight sees what is left in the end: all proxies follow what is written down, and nothing lies
// around.
func (j *judge) isRight(release int) {
	v := j.w.View()
	live := j.w.Service(proxyService)
	objects := j.w.Objects()
	j.mu.Lock()
	defer j.mu.Unlock()
	if live == nil {
		j.faulty("in the end there is no %s", proxyService)
		return
	}
	label := live.Spec.Labels["bluegreen.alias.web"]
	for _, p := range v.Proxies {
		if route(p) != led(label) {
			j.faulty("in the end %s sends to %s, and %s is written down", p.Task, route(p), label)
		}
	}
	if next := live.Spec.Labels["bluegreen.next"]; next != "" || len(v.Proxies) == 0 {
		j.faulty("in the end there are %d proxies, and a flip to %q goes on", len(v.Proxies), next)
	}
	color := destination(label)
	if svc := j.w.Service(colorService(color)); svc == nil || svc.Spec.TaskTemplate.ContainerSpec.Image != image(release) || v.Running[colorService(color)] == 0 {
		j.faulty("in the end %s does not run %s", color, image(release))
	}
	for _, o := range objects {
		if strings.Contains(o, "_order-") || strings.Contains(o, "-lock") {
			j.faulty("in the end %s is left", o)
		}
	}
}
