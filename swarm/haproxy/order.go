package haproxy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// orderVariable is the environment variable of a control job that holds its order. Linux takes up
// to 128 KiB in one; what is longer goes on in BLUEGREEN_ORDER_1 and so on. A config would take one
// call more to make it, and one to remove it.
const (
	orderVariable = "BLUEGREEN_ORDER"
	longestValue  = 100_000
)

// What a condition can wait for.
const (
	// Ready: the proxy knows exactly the addresses given, and each passed its check on every port.
	Ready = "ready"
	// Empty: the proxy knows no address of the color, but for ones that its checks cannot connect
	// to any more. Whatever has such an address later counts as ready only once it passed a check.
	Empty = "empty"
	// Idle: the proxy has no request and no connection in flight on the color.
	Idle = "idle"
)

// Order is what one control job does: it waits until all conditions hold in all proxies of their
// service at once, and then tells all proxies the route of their service. Without conditions it
// tells at once, and without routes it only reports. If the wait runs out nothing is told.
type Order struct {
	Proxies []ProxyAddr
	Until   []Condition
	// Wait is how long the conditions may take.
	Wait time.Duration
	// Routes are keyed by service.
	Routes map[string]Route
	// From are the sequences of the routes that services leave, where a guard may have made the next
	// one: if any proxy has gone on to another route, nothing is told. See Report.Beyond.
	From map[string]uint64
	// Watch is how long the job prints each second what the proxies count of each color; it ends as
	// soon as a guard has taken traffic back. See Report.Figures.
	Watch time.Duration
	// Close lists the colors on which, if the wait runs out with their Idle condition unmet, what
	// is still in flight is closed; then the conditions are judged again for two seconds.
	Close []Closing
	// Look lists ports of tasks whose protocol is found out. An order with any does nothing else:
	// it waits until something listens on each, and needs no proxies.
	Look []Look
	// Silence is how long such a port may take to answer.
	Silence time.Duration
}

// Look is a port of a task of a color.
type Look struct {
	Service, Color, Addr string
	Port                 uint16
	// Mode is the mode that the port has, compose.ModeHTTP or compose.ModeH2: how it is asked.
	Mode string
}

// ProxyAddr is one proxy: its compose service and its address on the control network.
type ProxyAddr struct{ Service, Addr string }

// Closing names a color of a service.
type Closing struct{ Service, Color string }

// Condition is about one color as every proxy of the service sees it.
type Condition struct {
	Service, Color string
	// Want is Ready, Empty or Idle.
	Want string
	// Addrs are the addresses of the color's tasks, for Ready.
	Addrs []string
}

// Env is the environment of a control job for this order.
func (o Order) Env() []string { return orderEnv(o.encode()) }

func orderEnv(text string) []string {
	var env []string
	name := orderVariable
	for len(text) > longestValue {
		env = append(env, name+"="+text[:longestValue])
		text = text[longestValue:]
		name = fmt.Sprintf("%s_%d", orderVariable, len(env))
	}
	return append(env, name+"="+text)
}

// OrderText is the order in an environment that Env returned; empty if there is none.
func OrderText(env []string) string {
	var b strings.Builder
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, orderVariable) {
			b.WriteString(value)
		}
	}
	return b.String()
}

// encode writes the order: one instruction a line.
func (o Order) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "wait %d\n", o.Wait.Milliseconds())
	for _, p := range o.Proxies {
		fmt.Fprintf(&b, "proxy %s %s\n", p.Service, p.Addr)
	}
	for _, c := range o.Until {
		fields := append([]string{"until", c.Service, c.Color, c.Want}, c.Addrs...)
		fmt.Fprintln(&b, strings.Join(fields, " "))
	}
	for _, service := range slices.Sorted(maps.Keys(o.Routes)) {
		fmt.Fprintf(&b, "route %s %s\n", service, o.Routes[service])
	}
	for _, service := range slices.Sorted(maps.Keys(o.From)) {
		fmt.Fprintf(&b, "from %s %d\n", service, o.From[service])
	}
	if o.Watch > 0 {
		fmt.Fprintf(&b, "watch %d\n", o.Watch.Milliseconds())
	}
	for _, c := range o.Close {
		fmt.Fprintf(&b, "close %s %s\n", c.Service, c.Color)
	}
	if len(o.Look) > 0 {
		fmt.Fprintf(&b, "silence %d\n", o.Silence.Milliseconds())
	}
	for _, l := range o.Look {
		fmt.Fprintf(&b, "look %s %s %s %d %s\n", l.Service, l.Color, l.Addr, l.Port, l.Mode)
	}
	return b.String()
}
