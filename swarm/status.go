package swarm

import (
	"time"
)

// Status is what the swarm holds of a stack. Its JSON form is stable: fields are added, never
// changed.
type Status struct {
	// Stack is the name of the stack.
	Stack string `json:"stack"`
	// Services are the services of the stack, sorted by name.
	Services []ServiceStatus `json:"services"`
	// Live is true if the proxies were asked.
	Live bool `json:"live"`
	// Drift has a sentence for each difference between the labels and the proxies; always empty when
	// Live is false.
	Drift []string `json:"drift"`
	// Lock says who holds the lock of the stack; nil when nobody does.
	Lock *LockStatus `json:"lock"`
}

// LockStatus tells who holds the lock of a stack.
type LockStatus struct {
	// Owner is the user, host and process that hold the lock.
	Owner string `json:"owner"`
	// Command is the command that they run, such as up.
	Command string `json:"command"`
	// Since is when the owner took the lock.
	Since time.Time `json:"since"`
}

// ServiceStatus is the state of one compose service.
type ServiceStatus struct {
	// Name is the compose service's name and the alias that clients use.
	Name string `json:"name"`
	// Kind is "bluegreen" or "plain".
	Kind string `json:"kind"`
	// Swarm is the swarm service that carries the name: the proxy service of a blue-green one.
	Swarm SwarmService `json:"swarm"`
	// Route is nil for a plain service.
	Route *RouteStatus `json:"route,omitempty"`
	// Colors has an entry for each color that exists, blue first; empty for a plain service.
	Colors []ColorStatus `json:"colors,omitempty"`
	// Proxies are the proxies' own answers, when they were asked.
	Proxies []ProxyStatus `json:"proxies,omitempty"`
}

// SwarmService is the state of one swarm service.
type SwarmService struct {
	// Name is the name of the service on the swarm.
	Name string `json:"name"`
	// ID is the id of the service on the swarm.
	ID string `json:"id"`
	// Image is the image as written in the file, or the default.
	Image string `json:"image"`
	// Digest is empty if the image is not pinned.
	Digest string `json:"digest"`
	// Mode is replicated, global, replicated-job or global-job.
	Mode string `json:"mode"`
	// Ready is the number of tasks of the current spec that run (and are healthy).
	Ready int `json:"ready"`
	// Wanted is the number of tasks that should run.
	Wanted int `json:"wanted"`
	// Since is when the newest running task was created; zero without tasks.
	Since time.Time `json:"since,omitzero"`
}

// RouteStatus is the route in the label of the proxy service.
type RouteStatus struct {
	// Sequence is the sequence number of the route.
	Sequence uint64 `json:"sequence"`
	// Active is the active color.
	Active string `json:"active"`
	// Share is the percentage of the traffic that goes to the other color.
	Share int `json:"share"`
	// State is "paused" if requests wait, "maintenance" if they are refused, and empty if they get to
	// the colors.
	State string `json:"state"`
	// Watched is true if the proxies watch a new release, and may send its traffic back to the other
	// color by themselves.
	Watched bool `json:"watched"`
	// Until is when they stop; missing if they watch as long as the release has a share.
	Until *time.Time `json:"until,omitempty"`
	// TakenBack is why they have sent the traffic back; empty if they have not. Without --live, it is
	// what a command has seen last.
	TakenBack string `json:"taken_back"`
	// Next is the color of a flip that has begun and not ended; empty otherwise. It is the active
	// color when the route is written down and not every proxy is known to have confirmed it.
	Next string `json:"next"`
}

// ColorStatus is the state of one color.
type ColorStatus struct {
	// Color is "blue" or "green".
	Color string `json:"color"`
	// Active is true if the color gets the traffic.
	Active bool `json:"active"`
	// Waiting is true if the release waits for docker bluegreen promote.
	Waiting bool `json:"waiting"`
	// Release is the number of the release that the color holds.
	Release int `json:"release"`
	// Swarm is the swarm service of the color.
	Swarm SwarmService `json:"swarm"`
}

// ProxyStatus is one proxy's own answer.
type ProxyStatus struct {
	// Task is the name of the task, as docker shows it.
	Task string `json:"task"`
	// Node is the host name of the task's node.
	Node string `json:"node"`
	// Address is the proxy's address on the control network; empty when it has none yet.
	Address string `json:"address"`
	// Error says why the proxy did not answer; empty when it did.
	Error string `json:"error"`
	// Sequence is the sequence number of the proxy's route.
	Sequence uint64 `json:"sequence"`
	// Active is the color of the proxy's route.
	Active string `json:"active"`
	// Share is the percentage of the traffic that the proxy sends to the other color.
	Share int `json:"share"`
	// State is that of the proxy's route, as in the route of the service.
	State string `json:"state"`
	// TakenBack is why the proxy, or another one, has sent the traffic back by itself; empty if none
	// has.
	TakenBack string `json:"taken_back"`
	// Figures are what the proxy has counted of each color within the window of its guard, while that
	// watches; missing else.
	Figures map[string]ProxyFigures `json:"figures,omitempty"`
	// Counted are what the proxy has counted of each color since it began; missing if it does not say.
	Counted map[string]ProxyCount `json:"counted,omitempty"`
	// InFlight is the number of requests in flight for each color.
	InFlight map[string]int `json:"in_flight"`
	// Servers are the tasks of both colors, as the proxy sees them.
	Servers []ServerStatus `json:"servers"`
}

// ProxyFigures are what one proxy has counted of a color.
type ProxyFigures struct {
	// Requests is the number of requests.
	Requests int `json:"requests"`
	// Failed is the number of those that failed, or have waited for longer than they may.
	Failed int `json:"failed"`
	// Milliseconds is how long answers took on average.
	Milliseconds int64 `json:"milliseconds"`
}

// ProxyCount is what one proxy has counted of a color since it began.
type ProxyCount struct {
	// Requests is the number of requests, or of connections of mode tcp.
	Requests int `json:"requests"`
	// Failed is the number of those that were answered with 5xx, cut off, or could not be sent.
	Failed int `json:"failed"`
}

// ServerStatus is how one proxy sees one task of a color on one port.
type ServerStatus struct {
	// Color is the color of the task.
	Color string `json:"color"`
	// Port is the port on the task.
	Port uint16 `json:"port"`
	// Address is the address of the task.
	Address string `json:"address"`
	// Status is HAProxy's state of the task, for example UP.
	Status string `json:"status"`
	// Check is the result of HAProxy's last check, for example L7OK.
	Check string `json:"check"`
	// InFlight is the number of requests in flight.
	InFlight int `json:"in_flight"`
}
