package haproxy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// controlConn is how many connections are kept free for the control port when the users' ports are
// full.
const controlConn = 256

// metricsConn is how many connections Prometheus may have.
const metricsConn = 64

// view is what the templates see.
type view struct {
	Proxy
	Frontends []frontend
	Backends  []backend
}

// frontend is a port that clients connect to.
type frontend struct {
	Port uint16
	TCP  bool
	// Target is the port of the tasks.
	Target uint16
	// Active says that requests go to the active color; Preview that some, or all, go to the idle
	// one: if Header is set, those with this header.
	Active, Preview bool
	Header          bluegreen.Header
	// Canary are the ways to the color that is not active and has a share; none where none can have.
	Canary []canary
	// Numbers are the rules that give those who can be told apart a number of their own.
	Numbers []string
}

// canary is the way to a backend while the other color is active.
type canary struct{ Active, To string }

// Rule is the kind of rule that sees a request, or the first bytes, before its backend is chosen.
func (f frontend) Rule() string {
	if f.TCP {
		return "tcp-request content"
	}
	return "http-request"
}

type backend struct {
	Color, Host string
	// Port is that of the frontends that lead here, Target that of the tasks: another one where the
	// two releases listen on different ports.
	Port, Target uint16
	TCP, H2      bool
	Health       bluegreen.Health
	Modes        map[uint16]string
}

func newView(p Proxy) view {
	v := view{Proxy: p}
	tcp := map[uint16]bool{}
	for _, name := range slices.Sorted(maps.Keys(p.Colors)) {
		c := p.Colors[name]
		modes := map[uint16]string{}
		for _, port := range c.Ports {
			modes[port.Target] = port.Mode
			// A port that is http in one color and tcp in the other passes bytes for both: those
			// always fit.
			tcp[port.Target] = tcp[port.Target] || port.Mode == bluegreen.ModeTCP
		}
		for _, port := range slices.Sorted(maps.Keys(modes)) {
			v.Backends = append(v.Backends, backend{Color: name, Host: c.Host, Port: port, Target: port, Health: healthOf(c.Health, modes[port]), Modes: modes})
		}
	}
	if len(tcp) == 2 && len(v.Backends) == 2 && v.Backends[0].Color != v.Backends[1].Color {
		v.Backends = crossed(v.Backends[0], v.Backends[1], tcp)
	}
	for i := range v.Backends {
		b := &v.Backends[i]
		b.TCP = tcp[b.Port]
		b.H2 = !b.TCP && b.Modes[b.Target] == bluegreen.ModeH2
	}
	for _, port := range slices.Sorted(maps.Keys(tcp)) {
		f := frontend{Port: port, Target: port, TCP: tcp[port], Active: true}
		if p.Preview.Header.Name != "" && !f.TCP {
			f.Preview, f.Header = true, p.Preview.Header
		}
		if p.Canary != nil {
			f.Canary, f.Numbers = v.canary(port), numbers(*p.Canary, f)
		}
		v.Frontends = append(v.Frontends, f)
	}
	if preview := p.Preview; preview.Port != 0 {
		v.Frontends = append(v.Frontends, frontend{Port: preview.Port, Target: preview.Target, TCP: tcp[preview.Target], Preview: true})
	}
	return v
}

// crossed are the backends of two releases that listen on one port each, and not on the same:
// either port leads to either. Else whoever publishes the new port would get no answer until the
// flip, and none after a rollback.
func crossed(a, b backend, tcp map[uint16]bool) []backend {
	bytes := tcp[a.Port] || tcp[b.Port]
	tcp[a.Port], tcp[b.Port] = bytes, bytes
	across := func(from, to backend) backend {
		from.Port = to.Port
		return from
	}
	all := []backend{a, across(a, b), b, across(b, a)}
	slices.SortFunc(all, func(a, b backend) int { return cmp.Or(cmp.Compare(a.Color, b.Color), cmp.Compare(a.Port, b.Port)) })
	return all
}

// canary are the ways to the colors that have a port.
func (v view) canary(port uint16) []canary {
	var ways []canary
	for _, b := range v.Backends {
		if b.Port == port {
			ways = append(ways, canary{Active: map[string]string{Blue: Green, Green: Blue}[b.Color], To: fmt.Sprintf("%s_%d", b.Color, port)})
		}
	}
	return ways
}

// numbers are the rules by which the same client, cookie or header has the same number each time.
// Who has no such cookie or header has one by chance, and so has each connection of mode tcp.
func numbers(c bluegreen.Canary, f frontend) []string {
	rule := func(sample string) string {
		return fmt.Sprintf("%s set-var(txn.number) %s,crc32(1),mod(100) if { var(txn.share) -m int gt 0 }", f.Rule(), sample)
	}
	switch {
	case c.By == bluegreen.ByClient && f.TCP:
		return []string{rule("src")}
	case c.By == bluegreen.ByClient:
		return []string{rule("src"), rule("req.hdr(x-forwarded-for,1)")}
	case c.By == bluegreen.ByCookie && !f.TCP:
		return []string{rule("req.cook(" + c.Name + ")")}
	case c.By == bluegreen.ByHeader && !f.TCP:
		return []string{rule("req.fhdr(" + c.Name + ")")}
	}
	return nil
}

// healthOf is the check of a port: one that does not speak HTTP cannot be asked for a path, so a
// connect is enough for it.
func healthOf(h bluegreen.Health, mode string) bluegreen.Health {
	if mode == bluegreen.ModeTCP && h.Port == 0 {
		h.Path = ""
	}
	return h
}

// CheckOptions are the options of a server's check that depend on what is checked.
func (b backend) CheckOptions() string {
	var options string
	if b.Health.Port != 0 && b.Health.Port != b.Target {
		options += fmt.Sprintf(" port %d", b.Health.Port)
	}
	if b.Health.Path != "" {
		proto := "h1"
		if b.Modes[cmp.Or(b.Health.Port, b.Target)] == bluegreen.ModeH2 {
			proto = "h2"
		}
		options += " check-proto " + proto
	}
	return options
}

// FastInterval is the time between checks of a task that is new, or neither quite up nor quite
// down.
func (b backend) FastInterval() time.Duration {
	return min(b.Health.Interval, 500*time.Millisecond)
}

// Checked is how long a check may take to begin and end, at most.
func (v view) Checked() time.Duration {
	var longest time.Duration
	for _, c := range v.Colors {
		longest = max(longest, c.Health.Interval+c.Health.Timeout)
	}
	return longest
}

func (v view) MetricsConn() int          { return metricsConn }
func (v view) GuardSlots() int           { return bluegreen.MaxReplicas }
func (v view) ControlPort() int          { return ControlPort }
func (v view) Grace() time.Duration      { return v.grace() }
func (v view) LingerTime() time.Duration { return v.linger() }
func (v view) Dir() string               { return cmp.Or(v.dir, Dir) }
func (v view) Bind() string              { return v.bind }
func (v view) Nameserver() string        { return cmp.Or(v.nameserver, "127.0.0.11:53") }

// TotalConn is the number of client connections in all.
func (v view) TotalConn() int { return v.MaxConn*len(v.Frontends) + controlConn }

// Local is where the proxy itself can be asked.
func (v view) Local() string { return cmp.Or(v.bind, "127.0.0.1") }

// OpenFiles is the number of open files that a proxy needs: for its container's nofile limit.
// HAProxy does not start with less, and takes memory for as many as it is allowed.
func (p Proxy) OpenFiles() int64 {
	v := newView(p)
	const threads, listeners = 256, 64 // a few descriptors each, and a margin
	more := 0
	if p.Guard != nil {
		more += v.GuardSlots()
	}
	if p.Metrics != 0 {
		more += 2 * metricsConn
	}
	return int64(2*v.TotalConn() + len(v.Backends)*p.Slots + p.PeerSlots + more + 2*threads + listeners)
}
