package haproxy

import "time"

// Report is what a control job found and did. It grows with each line that the job prints: see Add.
type Report struct {
	// Done says that the job came to its end; what else is here is complete only then.
	Done bool
	// Met says that all conditions held, so that the routes were told.
	Met bool
	// Err is the job's own failure in words, or empty.
	Err string
	// Waited is how long the conditions took, Connected how long until all proxies were connected
	// to, and Told how long from the first proxy told to the last answer.
	Waited, Connected, Told time.Duration
	// Proxies are in the order of Order.Proxies.
	Proxies []*ProxyReport
	// Beyond are the proxies that had gone on to another route than the one that their service was
	// to leave: nothing was told.
	Beyond []ProxyAddr
	// Figures are what all proxies together have counted of the colors in their last window, by
	// service and color. An order with a Watch updates them each second.
	Figures map[string]map[string]Figures
	// Seconds counts these updates.
	Seconds int
	// Saw are the ports of Order.Look on which something listens.
	Saw []Saw
}

// Figures are what proxies have counted of a color.
type Figures struct {
	// Requests counts those that came, Failed those that failed, or wait for longer than they may.
	Requests, Failed int
	// Time is how long answers took on average.
	Time time.Duration
}

// Saw is what a port was found to speak.
type Saw struct {
	ProxyAddr // of a task
	Port      uint16
	// Speaks is one of the words below.
	Speaks string
	// Text are the first bytes of its answer where it is SpeaksOther, made printable.
	Text string
}

// What a port can speak.
const (
	SpeaksHTTP   = "http"   // HTTP/1.0 or 1.1
	SpeaksH2     = "h2"     // HTTP/2 without TLS
	SpeaksTLS    = "tls"    // TLS, whatever is inside
	SpeaksOther  = "other"  // something else
	SpeaksSilent = "silent" // nothing: it closed the connection, or did not answer within Order.Silence
)

// ProxyReport is the state of one proxy at the end of the job.
type ProxyReport struct {
	ProxyAddr
	// Unreachable is why the proxy's state could not be read; empty if it could. Then the rest is
	// missing, except that Outcome tells whether it answered before.
	Unreachable string
	// Route is what the proxy routes by now. It has a higher sequence than the order's if somebody
	// else gave a later one.
	Route Route
	// Outcome is Taken, Kept, Refused, or empty for a proxy that was not told or could not be
	// connected to.
	Outcome string
	// Acknowledged is the time from when the first proxy was told to this one's answer.
	Acknowledged time.Duration
	// Met says that the proxy has asked its peers; Ready that it once had a server of its active
	// color; Stopping that it was told to end and still serves what is left.
	Met, Ready, Stopping bool
	// Figures are what it has counted of each color while its guard watches; empty else.
	Figures map[string]Figures
	// Tripped is why its guard, or that of another proxy, has taken the traffic back; empty if none
	// has.
	Tripped string
	// Began and Ended are what it had counted when the job asked it first, and last; empty where it
	// does not say.
	Began, Ended Counters
	// InFlight counts requests, or connections for tcp ports, by color.
	InFlight map[string]int
	Servers  []Server
}

// Counters are what a proxy has counted since it began.
type Counters struct {
	// Held counts the requests that have waited for the end of a pause.
	Held int
	// Colors are keyed by color.
	Colors map[string]Count
}

// Count is what a proxy has counted of a color.
type Count struct {
	// Requests counts requests, or connections of mode tcp; Failed those that were answered with 5xx,
	// cut off, or could not be sent.
	Requests, Failed int
	// Slowest is how long the slowest took in all.
	Slowest time.Duration
}

// What a proxy did with the route it was told.
const (
	Taken   = "taken"
	Kept    = "kept"    // it had the same or a later one: see ProxyReport.Route
	Refused = "refused" // no answer, or not one that is understood
)

// Server is one task of a color behind one port, as one proxy sees it.
type Server struct {
	Color string
	Port  uint16
	// Addr is the task's IP address.
	Addr string
	// Status is HAProxy's word, such as UP, DOWN, or UP 1/3 without the count.
	Status string
	// Check is HAProxy's code for the last check, such as L4OK, L7STS, L4CON; INI or NEW before the
	// first one.
	Check string
	// InFlight counts the requests, or connections for tcp ports, that it works on.
	InFlight int
	// Detail is what the last check met, in words, such as "Layer4 connection problem: Connection
	// refused".
	Detail string
}

// Passed says whether traffic may go to the server because it passed its check.
func (s Server) Passed() bool {
	switch s.Check {
	case "L4OK", "L6OK", "L7OK", "L7OKC":
		return s.Status == "UP"
	}
	return false
}

// Progress is one condition in one proxy as it changed.
type Progress struct {
	ProxyAddr
	Color, Want string
	// Met says that the condition holds now. Otherwise What and Why say what it lacks.
	Met bool
	// What is the server concerned, such as 10.0.1.5:8080, or empty.
	What string
	// Why is the cause, such as "DOWN L4CON Layer4 connection problem: Connection refused" or "3 in
	// flight".
	Why string
}
