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
}

type backend struct {
	Color, Host string
	Port        uint16
	TCP, H2     bool
	Health      bluegreen.Health
	Modes       map[uint16]string
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
			v.Backends = append(v.Backends, backend{Color: name, Host: c.Host, Port: port, Health: healthOf(c.Health, modes[port]), Modes: modes})
		}
	}
	for i := range v.Backends {
		b := &v.Backends[i]
		b.TCP = tcp[b.Port]
		b.H2 = !b.TCP && b.Modes[b.Port] == bluegreen.ModeH2
	}
	for _, port := range slices.Sorted(maps.Keys(tcp)) {
		f := frontend{Port: port, Target: port, TCP: tcp[port], Active: true}
		if p.Preview.Header.Name != "" && !f.TCP {
			f.Preview, f.Header = true, p.Preview.Header
		}
		v.Frontends = append(v.Frontends, f)
	}
	if preview := p.Preview; preview.Port != 0 {
		v.Frontends = append(v.Frontends, frontend{Port: preview.Port, Target: preview.Target, TCP: tcp[preview.Target], Preview: true})
	}
	return v
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
	if b.Health.Port != 0 && b.Health.Port != b.Port {
		options += fmt.Sprintf(" port %d", b.Health.Port)
	}
	if b.Health.Path != "" {
		proto := "h1"
		if b.Modes[cmp.Or(b.Health.Port, b.Port)] == bluegreen.ModeH2 {
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
	return int64(2*v.TotalConn() + len(v.Backends)*p.Slots + p.PeerSlots + 2*threads + listeners)
}
