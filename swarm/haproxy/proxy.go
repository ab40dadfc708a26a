package haproxy

import (
	"fmt"
	"regexp"
	"time"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// ControlPort is where proxies are asked and told, on the control network.
const ControlPort = 9899

// SubnetVariable is the environment variable of a proxy that holds the subnet of the control
// network, such as 10.0.3.0/24. Without it the proxy does not start: it would answer anybody, or
// nobody.
const SubnetVariable = "BLUEGREEN_CONTROL_SUBNET"

// The two colors, as routes and orders name them.
const (
	Blue  = "blue"
	Green = "green"
)

// Color is what a proxy must know of one color.
type Color struct {
	// Host is the DNS name that lists the color's tasks, such as tasks.shop_web-blue-servers.
	Host string
	bluegreen.Release
}

// Proxy describes the proxies of one blue-green service.
type Proxy struct {
	// Service is the compose name, such as web: the key of the route map.
	Service string
	// Peers is the DNS name that lists all these proxies on the control network, such as
	// tasks.shop_web-proxies.
	Peers string
	// PeerSlots and Slots are the greatest numbers of proxies, and of tasks of a color, that are
	// seen.
	PeerSlots, Slots int
	// Colors are keyed by Blue and Green; one may be missing.
	Colors map[string]Color
	// Preview is how the idle color is reached; a zero one if it is not.
	Preview bluegreen.Preview
	// Canary is how requests are chosen for the share of the idle color; nil if it can have none.
	Canary *bluegreen.Canary
	// Metrics is the port on which Prometheus asks; 0 for none.
	Metrics uint16
	// Guard is what a new release must keep to; nil if nobody watches.
	Guard *bluegreen.Guard
	// Guards is the DNS name that lists the proxies of all services of the stack with a guard.
	Guards string
	// Page says that there is PageFile in Dir: what clients get in maintenance, where the route has
	// no message for them.
	Page bool
	// Drain is how long connections may live on after the proxy was told to stop.
	Drain time.Duration
	// Linger is how long those who send requests here may take to learn that the proxy was told to
	// stop; it stays for as long, and for 3 seconds at least, since DNS and VIP may still lead to
	// it.
	Linger time.Duration
	// MaxConn is the greatest number of client connections on each port.
	MaxConn int

	// For tests that run several proxies on one machine: where files are, the address to listen on,
	// and the name server.
	dir, bind, nameserver string
}

var (
	serviceName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	// hostName is stricter than DNS only in what HAProxy's configuration could misread.
	hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	pathText = regexp.MustCompile(`^/[!-~]*$`)
)

// validate returns an error, naming the service and what is wrong, for what no configuration can be
// written from.
func (p Proxy) validate() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("proxy of service %q: "+format, append([]any{p.Service}, args...)...)
	}
	switch {
	case !serviceName.MatchString(p.Service):
		return fail("the name may hold only letters, digits and ._-")
	case !hostName.MatchString(p.Peers):
		return fail("%q is not a DNS name of its peers", p.Peers)
	case p.PeerSlots < 1 || p.Slots < 1 || p.MaxConn < 1:
		return fail("%d peer slots, %d slots and %d connections must all be positive", p.PeerSlots, p.Slots, p.MaxConn)
	case len(p.Colors) == 0:
		return fail("it has no color")
	}
	if err := p.validatePreview(); err != nil {
		return fail("preview: %w", err)
	}
	if c := p.Canary; c != nil && c.Name != "" && !bluegreen.ValidHeaderName.MatchString(c.Name) {
		return fail("canary: %q is not the name of a cookie or a header", c.Name)
	}
	for _, c := range p.Colors {
		for _, port := range c.Ports {
			if p.Metrics != 0 && p.Metrics == port.Target {
				return fail("metrics: port %d is a port of a release that is still there: use another one, or take it when both colors have releases without it", p.Metrics)
			}
		}
	}
	if p.Guard != nil && !hostName.MatchString(p.Guards) {
		return fail("guard: %q is not a DNS name of the proxies that have one", p.Guards)
	}
	for name, c := range p.Colors {
		if name != Blue && name != Green {
			return fail("%q is not a color", name)
		}
		if err := c.validate(); err != nil {
			return fail("%s: %w", name, err)
		}
	}
	return nil
}

// validatePreview finds what would change the meaning of the configuration, and a port that is
// taken.
func (p Proxy) validatePreview() error {
	if h := p.Preview.Header; h != (bluegreen.Header{}) && !(bluegreen.ValidHeaderName.MatchString(h.Name) && bluegreen.ValidHeaderValue.MatchString(h.Value)) {
		return fmt.Errorf("%q is not a header with a value", h)
	}
	port := p.Preview.Port
	if port == 0 {
		return nil
	}
	taken := port == ControlPort
	known := false
	for _, c := range p.Colors {
		for _, other := range c.Ports {
			taken = taken || other.Target == port
			known = known || other.Target == p.Preview.Target
		}
	}
	switch {
	case taken:
		return fmt.Errorf("port %d is a port of a release that is still there: use another one, or take it when both colors have releases without it", port)
	case !known:
		return fmt.Errorf("port %d leads to port %d, which no color has", port, p.Preview.Target)
	}
	return nil
}

func (c Color) validate() error {
	if !hostName.MatchString(c.Host) {
		return fmt.Errorf("%q is not a DNS name of its tasks", c.Host)
	}
	if len(c.Ports) == 0 {
		return fmt.Errorf("it has no ports")
	}
	for _, port := range c.Ports {
		switch {
		case port.Target == 0:
			return fmt.Errorf("port 0 cannot be forwarded")
		case port.Target == ControlPort:
			return fmt.Errorf("port %d is the control port of the proxies; let the service listen on another one", ControlPort)
		case port.Mode != bluegreen.ModeHTTP && port.Mode != bluegreen.ModeH2 && port.Mode != bluegreen.ModeTCP:
			return fmt.Errorf("port %d has the unknown mode %q", port.Target, port.Mode)
		}
	}
	h := c.Health
	switch {
	case h.Path != "" && !pathText.MatchString(h.Path):
		return fmt.Errorf("the health path %q must begin with / and hold no spaces", h.Path)
	case h.Interval < time.Millisecond || h.Timeout < time.Millisecond:
		return fmt.Errorf("the health check's interval %s and timeout %s must be a millisecond at least", h.Interval, h.Timeout)
	case h.Rise < 1 || h.Fall < 1:
		return fmt.Errorf("the health check's rise %d and fall %d must be 1 at least", h.Rise, h.Fall)
	}
	return nil
}

// shortestLinger is how long DNS and VIP may lead to a proxy that was told to stop.
const shortestLinger = 3 * time.Second

// linger is how long a stopping proxy stays even when nobody uses it.
func (p Proxy) linger() time.Duration { return max(p.Linger, shortestLinger) }

// StopGrace is the stop_grace_period that the proxies need so that connections may live for Drain
// after the signal to stop.
func (p Proxy) StopGrace() time.Duration {
	return p.grace() + 4*time.Second
}

// grace is how long the ports of a stopping proxy stay open at most. Then HTTP/2 clients are told
// to go elsewhere, which cannot be done sooner, and have the 2 s of hard-stop-after for what they
// have in flight.
func (p Proxy) grace() time.Duration {
	return max(p.Drain, p.linger()+time.Second)
}
