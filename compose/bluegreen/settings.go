// Package bluegreen is x-bluegreen: the settings of a service, their defaults, and how they are
// read.
package bluegreen

import (
	"fmt"
	"strings"
	"text/template"
	"time"

	"github.com/docker/docker/api/types/swarm"
)

// Modes of a port: how the proxy treats what arrives there.
const (
	ModeHTTP = "http" // HTTP/1.1 to the service; clients may speak HTTP/1.1
	ModeH2   = "h2"   // HTTP/2 without TLS, on both sides
	ModeTCP  = "tcp"  // bytes
)

// The state of the old color after a flip.
const (
	KeepWarm = "warm" // it goes on running: the way back takes a second
	KeepCold = "cold" // it is scaled to 0 once it is drained
)

// What moves traffic to a new release that is ready.
const (
	PromoteAuto   = "auto"   // the up that brings it
	PromoteManual = "manual" // the command promote
)

// Settings is a service's x-bluegreen with all defaults filled in.
type Settings struct {
	Release
	Proxy ProxySettings `json:"proxy"`
	// Drain is the longest wait for requests in flight on the old color after a flip.
	Drain time.Duration `json:"drain"`
	// Keep is KeepWarm or KeepCold.
	Keep string `json:"keep"`
	// Promote is PromoteManual, or empty for PromoteAuto.
	Promote string `json:"promote,omitempty"`
	// PromoteAfter is how long a release that is ready waits for traffic, unless somebody promotes it
	// sooner; 0 for not at all.
	PromoteAfter time.Duration `json:"promoteAfter,omitempty"`
	// Preview is how the idle color is reached; nil if the file does not say.
	Preview *Preview `json:"preview,omitempty"`
	// Canary is how requests are chosen for a share of the traffic that the idle color gets; nil if
	// it gets none.
	Canary *Canary `json:"canary,omitempty"`
	// Guard is what the proxies watch a new release by; nil if they do not.
	Guard *Guard `json:"guard,omitempty"`
	// Metrics is the port on which the proxies tell Prometheus what they do; 0 for none.
	Metrics uint16 `json:"metrics,omitempty"`
	// History is how many releases are written down, 0 for none; nil if the file does not say.
	History *int `json:"history,omitempty"`
	// Test are the jobs of the file that a new release must pass before it gets traffic, in their
	// order.
	Test []string `json:"test,omitempty"`
	// Verify are the jobs that a release must pass once it has the traffic, in their order: else
	// traffic goes back.
	Verify []string `json:"verify,omitempty"`
	// Page is the file of the maintenance page, as the stack file names it; empty for none. It is not
	// in the label of the proxies: they have what the file holds.
	Page string `json:"-"`
	// Timeout is the longest time that the new color may go without progress.
	Timeout time.Duration `json:"timeout"`
}

// DefaultHistory is how many releases are written down where the file does not say.
const DefaultHistory = 10

// Kept is how many releases are written down.
func (s Settings) Kept() int {
	if s.History == nil {
		return DefaultHistory
	}
	return *s.History
}

// MaxPage is the number of bytes of the longest maintenance page: proxies send an answer out of one
// buffer.
const MaxPage = 64 << 10

// How requests are chosen for the share of the idle color.
const (
	ByRandom = "random" // each by chance
	ByClient = "client" // by the first address of X-Forwarded-For, else by that of the connection
	ByCookie = "cookie" // by the value of a cookie
	ByHeader = "header" // by the value of a header
)

// Canary says how requests are chosen for the share of the idle color.
type Canary struct {
	// By is ByRandom, ByClient, ByCookie or ByHeader.
	By string `json:"by"`
	// Name is that of the cookie or the header.
	Name string `json:"name,omitempty"`
	// Steps are the shares, in percent, that an up gives to a new release one after the other,
	// before all traffic; none if a person does that.
	Steps []int `json:"steps,omitempty"`
	// Every is how long each of them lasts.
	Every time.Duration `json:"every,omitempty"`
}

// Guard says what a new release must keep to. The proxies watch it, and take the traffic back by
// themselves.
type Guard struct {
	// Bake is how long a release is watched that has all traffic.
	Bake time.Duration `json:"bake"`
	// Window is how far back the proxies look.
	Window time.Duration `json:"window"`
	// Errors is how many percent of the requests may fail.
	Errors float64 `json:"errors"`
	// Latency is how long answers may take on average; 0 for any time.
	Latency time.Duration `json:"latency,omitempty"`
	// Requests is how many a proxy must have seen within Window: fewer say nothing.
	Requests int `json:"requests"`
	// Prometheus is asked as well by the command that waits; nil for none.
	Prometheus *Prometheus `json:"prometheus,omitempty"`
}

// Prometheus says by which queries a release is judged, while a command waits for it.
type Prometheus struct {
	// URL is that of the server; empty for the one that the environment names.
	URL string `json:"url,omitempty"`
	// Queries are all asked; the first whose value is too high takes the traffic back.
	Queries []Query `json:"queries"`
}

// Query is a query, and how high its value may be.
type Query struct {
	// Text is PromQL, and a template of text/template with the fields of QueryData.
	Text string `json:"query"`
	// Max is the highest value that is right.
	Max float64 `json:"max"`
}

// QueryData is what a query can name.
type QueryData struct {
	Stack, Service, Color string
	Release               int
}

// For is the query for a release. The error is that of the template.
func (q Query) For(data QueryData) (string, error) {
	t, err := template.New("query").Option("missingkey=error").Parse(q.Text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, data)
	return b.String(), err
}

// String is what takes the traffic back, in words.
func (g Guard) String() string {
	text := fmt.Sprintf("more than %g %% of the requests fail", g.Errors)
	if g.Latency > 0 {
		text += fmt.Sprintf(", or answers take more than %s on average", g.Latency)
	}
	return text
}

// Preview is how requests get to the idle color: by a port, by a header, or by either.
type Preview struct {
	// Port is the port of the proxies that leads to the idle color; 0 for none.
	Port uint16 `json:"port,omitempty"`
	// Target is the port of the tasks that Port leads to.
	Target uint16 `json:"target,omitempty"`
	// Header, on any port of mode http or h2, asks for the idle color; a zero one does not.
	Header Header `json:"header,omitzero"`
}

// Header is a header of a request, with all of its value.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// String is the header as it stands in a request.
func (h Header) String() string { return h.Name + ": " + h.Value }

// Control is what the file says of the stack's control network.
type Control struct {
	// Subnet is its range of addresses, such as 10.77.0.0/20; empty for one that Swarm chooses.
	Subnet string
}

// Release is the part of the settings that belongs to one release of the service.
// Each color has its own, since the two releases may differ in it.
type Release struct {
	// Ports are the ports that the proxy listens on and forwards; never empty.
	Ports []Port `json:"ports"`
	// Health is the check that the proxies make of each task.
	Health Health `json:"health"`
}

// Port is a port of the service that traffic goes to through the proxy.
type Port struct {
	// Target is the port number inside the service's containers, and on the proxy.
	Target uint16 `json:"target"`
	// Mode is ModeHTTP, ModeH2 or ModeTCP.
	Mode string `json:"mode"`
}

// Health is the proxy's own check of each task of a color.
type Health struct {
	// Path is asked for with GET, and 2xx and 3xx are healthy; empty means that a TCP connect is
	// enough.
	Path string `json:"path,omitempty"`
	// Port is the port that is checked; 0 means the port that the traffic goes to.
	Port uint16 `json:"port,omitempty"`
	// Interval is the time between two checks.
	Interval time.Duration `json:"interval"`
	// Timeout is the longest time for one check.
	Timeout time.Duration `json:"timeout"`
	// Rise is how many checks must pass until a task counts as up.
	Rise int `json:"rise"`
	// Fall is how many checks must fail until a task counts as down.
	Fall int `json:"fall"`
}

// ProxySettings are the user's wishes for the proxy service.
type ProxySettings struct {
	// Image is the HAProxy image, 2.6 or newer, as written in the file.
	Image string `json:"image"`
	// Replicas is nil when the file does not say.
	Replicas *uint64 `json:"replicas,omitempty"`
	// Mode is "replicated", "global", or empty when the file does not say.
	Mode string `json:"mode,omitempty"`
	// Placement is nil when the file does not say: then that of the compose service is used.
	Placement *swarm.Placement `json:"placement,omitempty"`
	// Resources is nil when the file does not say.
	Resources *swarm.ResourceRequirements `json:"resources,omitempty"`
}

// Key is the key that makes a service a blue-green one and that holds its settings. At the
// top of the file it holds what is to be the default for all of them.
const Key = "x-bluegreen"

// DefaultProxyImage is the proxy's image where the file does not name one.
const DefaultProxyImage = "haproxy:3.2-alpine"

// TestPort is the port of the preview where there are tests and the file names none.
const TestPort = 9897

// MetricsPort is the port of the metrics where the file names none.
const MetricsPort = 9898

// ControlPort is where proxies take orders; no service can have it as a target.
const ControlPort = 9899
