package swarmtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/swarm"

	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/haproxy"
)

// checkTime is how long a proxy needs until the check of a new task has passed.
const checkTime = time.Second

// proxy is what one proxy knows.
type proxy struct {
	route haproxy.Route
	asked int // how many jobs have asked it: between two of them ten requests come
}

// tripReason is why the guards of this swarm go back.
const tripReason = "60 of 60 requests failed within 1 s, more than 5 %"

// Trip lets the guards of a service go back, if they watch: its proxies, and those of services that
// came with it, tell each other. It says whether any did.
func (s *Swarm) Trip(service string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var by haproxy.Route
	for _, t := range s.tasks {
		if t.proxy != nil && t.labels[cluster.LabelService] == service && s.canTalk(t) && !t.proxy.route.Guard.Over(time.Now()) && t.proxy.route.Sequence > by.Sequence {
			by = t.proxy.route
		}
	}
	if !by.Guard.On {
		return false
	}
	if passed, _ := s.ready(service, by.Back()); len(passed) == 0 {
		return false // nobody could serve
	}
	for _, t := range s.tasks {
		if t.proxy == nil || !s.canTalk(t) {
			continue
		}
		r := t.proxy.route
		same := t.labels[cluster.LabelService] == service && r.Sequence <= by.Sequence
		together := !s.Apart && by.Guard.Group != "" && r.Guard.Group == by.Guard.Group
		if same {
			r = by
		}
		if same || together {
			t.proxy.route = haproxy.Route{Sequence: r.Sequence + 1, Color: r.Back(), State: r.State, Tripped: true}
		}
	}
	s.change()
	return true
}

func (s *Swarm) canTalk(t *task) bool { return !ended(t) && s.isUp(t.NodeID) }

func isProxy(t *task) bool {
	return slices.ContainsFunc(t.Spec.ContainerSpec.Configs, func(r *api.ConfigReference) bool {
		return r.File != nil && r.File.Name == haproxy.Dir+"/"+haproxy.RouteFile
	})
}

func orderOf(t *task) string { return haproxy.OrderText(t.Spec.ContainerSpec.Env) }

// serve begins a proxy: with the route of its service's label as it is now, or a later one that a
// peer has.
func (s *Swarm) serve(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := t.labels[cluster.LabelService]
	route, err := haproxy.ParseRoute(t.labels[cluster.LabelAlias+name])
	if err != nil {
		panic(err) // HAProxy would not start
	}
	for _, other := range s.tasks {
		if other.proxy != nil && other.service == t.service && !ended(other) && s.isUp(other.NodeID) && other.proxy.route.Sequence > route.Sequence {
			route = other.proxy.route
		}
	}
	t.proxy = &proxy{route: route}
}

// ready are the addresses of a color that passed the check of every proxy, all those that are
// known, which may not have, and when that will change.
func (s *Swarm) ready(service, color string) (passed, known []string) {
	for _, t := range s.tasks {
		labels := t.labels
		if ended(t) || !s.isUp(t.NodeID) || labels[cluster.LabelRole] != cluster.RoleColor || labels[cluster.LabelService] != service || labels[cluster.LabelColor] != color {
			continue
		}
		network := cluster.ServingNetwork(t.service.Spec, cluster.ServersAlias(labels[cluster.LabelStack], service, cluster.Color(color)))
		addr := cluster.TaskAddress(t.Task, network)
		if addr == "" || t.Status.State != api.TaskStateRunning && wanted(t) {
			continue // Swarm's DNS has only what is healthy
		}
		known = append(known, addr)
		if !t.app.Refuses && time.Since(t.since) >= checkTime {
			passed = append(passed, addr)
		}
	}
	slices.Sort(passed)
	slices.Sort(known)
	return passed, known
}

func (s *Swarm) servesSomething(t *task) bool {
	passed, _ := s.ready(t.labels[cluster.LabelService], t.proxy.route.Color)
	if len(passed) == 0 {
		time.AfterFunc(checkTime, func() { s.mu.Lock(); s.change(); s.mu.Unlock() })
	}
	return len(passed) > 0
}

// Routes are those of all proxies of a service that have not ended.
func (s *Swarm) Routes(service string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, t := range s.tasks {
		if t.proxy != nil && !ended(t) && t.labels[cluster.LabelService] == service {
			out = append(out, t.proxy.route.String())
		}
	}
	slices.Sort(out)
	return out
}

// at finds the proxy with an address.
func (s *Swarm) at(service, addr string) *task {
	for _, t := range s.tasks {
		if t.proxy == nil || ended(t) || t.labels[cluster.LabelService] != service || !s.isUp(t.NodeID) {
			continue
		}
		for _, a := range t.NetworksAttachments {
			if slices.ContainsFunc(a.Addresses, func(x string) bool { return strings.HasPrefix(x, addr+"/") }) {
				return t
			}
		}
	}
	return nil
}

type instruction struct {
	wait    time.Duration
	proxies []haproxy.ProxyAddr
	until   []haproxy.Condition
	routes  map[string]haproxy.Route
	looks   [][]string
	from    map[string]uint64
	watch   time.Duration
}

func parseOrder(text string) instruction {
	o := instruction{routes: map[string]haproxy.Route{}, from: map[string]uint64{}}
	for line := range strings.Lines(text) {
		switch f := strings.Fields(line); f[0] {
		case "wait":
			n, _ := strconv.Atoi(f[1])
			o.wait = time.Duration(n) * time.Millisecond
		case "proxy":
			o.proxies = append(o.proxies, haproxy.ProxyAddr{Service: f[1], Addr: f[2]})
		case "until":
			o.until = append(o.until, haproxy.Condition{Service: f[1], Color: f[2], Want: f[3], Addrs: f[4:]})
		case "route":
			o.routes[f[1]], _ = haproxy.ParseRoute(f[2])
		case "from":
			o.from[f[1]], _ = strconv.ParseUint(f[2], 10, 64)
		case "watch":
			n, _ := strconv.Atoi(f[1])
			o.watch = time.Duration(n) * time.Millisecond
		case "look":
			o.looks = append(o.looks, f[1:])
		}
	}
	return o
}

// carryOut does what a control job does.
func (s *Swarm) carryOut(job *task) {
	o := parseOrder(orderOf(job))
	say := func(format string, args ...any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		job.service.lines = append(job.service.lines, fmt.Sprintf(format, args...))
		s.change()
	}
	if len(o.looks) > 0 {
		o.sees(say)
		return
	}
	began, met := time.Now(), false
	for {
		s.mu.Lock()
		lacks := s.lacks(o)
		over := ended(job) || !wanted(job)
		s.mu.Unlock()
		if over {
			return
		}
		if met = len(lacks) == 0; met || time.Since(began) >= o.wait {
			for _, l := range lacks {
				say("%s", l)
			}
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if over := s.watches(job, o, say); over {
		return
	}
	for _, p := range o.proxies {
		s.mu.Lock()
		t := s.at(p.Service, p.Addr)
		beyond := t != nil && o.from[p.Service] > 0 && t.proxy.route.Sequence > o.from[p.Service] && t.proxy.route != o.routes[p.Service]
		s.mu.Unlock()
		if beyond {
			met = false
			say("beyond %s %s %s", p.Service, p.Addr, t.proxy.route)
		}
	}
	outcomes := make([]string, len(o.proxies))
	for i, p := range o.proxies {
		s.mu.Lock()
		if t := s.at(p.Service, p.Addr); t != nil && met && o.routes[p.Service].Sequence > 0 {
			if outcomes[i] = haproxy.Kept; o.routes[p.Service].Sequence > t.proxy.route.Sequence {
				outcomes[i], t.proxy.route = haproxy.Taken, o.routes[p.Service]
			}
		}
		s.mu.Unlock()
	}
	if s.AfterTelling != nil && met && len(o.routes) > 0 {
		s.AfterTelling()
	}
	for i, p := range o.proxies {
		s.answers(p, outcomes[i], say)
	}
	word := map[bool]string{true: "met", false: "unmet"}[met]
	say("done %s %d 1 1", word, time.Since(began).Milliseconds())
}

// answers says what became of an order in one proxy, empty for one that was not told.
func (s *Swarm) answers(p haproxy.ProxyAddr, outcome string, say func(string, ...any)) {
	s.mu.Lock()
	t := s.at(p.Service, p.Addr)
	var now proxy
	if t != nil {
		t.proxy.asked++
		now = *t.proxy
	}
	s.mu.Unlock()
	if t == nil {
		say("unreachable %s %s no connection", p.Service, p.Addr)
		return
	}
	say("state %s %s route %s", p.Service, p.Addr, now.route)
	say("state %s %s flags met ready", p.Service, p.Addr)
	counts(p, now.asked, say)
	if now.route.Tripped {
		say("state %s %s tripped %s", p.Service, p.Addr, tripReason)
	}
	if outcome != "" {
		say("told %s %s %s 1.0", p.Service, p.Addr, outcome)
	}
}

// counts says what a proxy has counted, as often as it was asked.
func counts(p haproxy.ProxyAddr, asked int, say func(string, ...any)) {
	for _, c := range cluster.Colors {
		say("began %s %s total %s %d 0 20", p.Service, p.Addr, c, 10*asked)
		say("state %s %s total %s %d 1 30", p.Service, p.Addr, c, 10*asked+5)
	}
	say("began %s %s held 0", p.Service, p.Addr)
	say("state %s %s held 2", p.Service, p.Addr)
}

// sees says of the ports that are looked at that they speak what they should.
func (o instruction) sees(say func(string, ...any)) {
	for _, l := range o.looks {
		say("saw %s %s %s %s", l[0], l[2], l[3], l[4])
	}
	say("done met 1 0 0")
}

// watches says each second what the proxies of an order that watches have counted, until a guard
// has tripped. It says whether the job was ended.
func (s *Swarm) watches(job *task, o instruction, say func(string, ...any)) (over bool) {
	for began := time.Now(); time.Since(began) < o.watch; time.Sleep(time.Second) {
		s.mu.Lock()
		over, tripped := ended(job) || !wanted(job), false
		for _, p := range o.proxies {
			t := s.at(p.Service, p.Addr)
			tripped = tripped || t != nil && t.proxy.route.Tripped
		}
		s.mu.Unlock()
		if over {
			return true
		}
		for _, p := range o.proxies {
			say("figures %s blue 100 1 20", p.Service)
			say("figures %s green 100 2 30", p.Service)
		}
		say("second")
		if tripped {
			break
		}
	}
	return false
}

// lacks are lines about the conditions that do not hold.
func (s *Swarm) lacks(o instruction) []string {
	var out []string
	for _, p := range o.proxies {
		if s.at(p.Service, p.Addr) == nil && len(o.until) > 0 {
			out = append(out, fmt.Sprintf("unmet %s %s - %s - no connection", p.Service, p.Addr, haproxy.Ready))
			continue
		}
		for _, c := range o.until {
			passed, known := s.ready(c.Service, c.Color)
			want := slices.Sorted(slices.Values(c.Addrs))
			ok := true
			switch c.Want {
			case haproxy.Ready:
				ok = slices.Equal(passed, want) && slices.Equal(known, want)
			case haproxy.Empty:
				ok = len(known) == 0
			}
			if c.Service == p.Service && !ok {
				out = append(out, fmt.Sprintf("unmet %s %s %s %s - DOWN L4CON Connection refused", p.Service, p.Addr, c.Color, c.Want))
			}
		}
	}
	return out
}
