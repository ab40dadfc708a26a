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
	// Live says whether the proxies were asked.
	Live bool `json:"live"`
	// Drift are sentences about differences between what is written down and what the proxies do;
	// always empty when Live is false.
	Drift []string `json:"drift"`
	// Lock says who holds the lock of the stack; nil when nobody does.
	Lock *LockStatus `json:"lock"`
}

// LockStatus tells who holds the lock of a stack.
type LockStatus struct {
	Owner string    `json:"owner"`
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
	Name string `json:"name"`
	ID   string `json:"id"`
	// Image is the image as written in the file or given by default, Digest is empty when it is not
	// pinned.
	Image  string `json:"image"`
	Digest string `json:"digest"`
	Mode   string `json:"mode"`
	// Ready is the number of tasks of the current spec that run (and are healthy), Wanted how many
	// there should be.
	Ready  int `json:"ready"`
	Wanted int `json:"wanted"`
	// Since is when the tasks that run now were last replaced: the creation of the newest; zero
	// without tasks.
	Since time.Time `json:"since,omitzero"`
}

// RouteStatus is where the alias points, as the swarm has written it down.
type RouteStatus struct {
	Sequence uint64 `json:"sequence"`
	Active   string `json:"active"`
	// Next is the color of a flip that has begun and not ended; empty otherwise.
	Next string `json:"next"`
}

// ColorStatus is the state of one color.
type ColorStatus struct {
	Color string `json:"color"`
	// Active says whether the color takes the traffic.
	Active bool `json:"active"`
	// Release is the number of the release that the color holds.
	Release int          `json:"release"`
	Swarm   SwarmService `json:"swarm"`
}

// ProxyStatus is one proxy's own answer.
type ProxyStatus struct {
	// Task names the task as docker does, Node is the host name of its node.
	Task string `json:"task"`
	Node string `json:"node"`
	// Address is the proxy's address on the control network; empty when it has none yet.
	Address string `json:"address"`
	// Error says why the proxy did not answer; empty when it did.
	Error string `json:"error"`
	// Sequence and Active are the route that the proxy follows.
	Sequence uint64 `json:"sequence"`
	Active   string `json:"active"`
	// InFlight is the number of requests in flight for each color.
	InFlight map[string]int `json:"in_flight"`
	Servers  []ServerStatus `json:"servers"`
}

// ServerStatus is how one proxy sees one task of a color on one port.
type ServerStatus struct {
	Color   string `json:"color"`
	Port    uint16 `json:"port"`
	Address string `json:"address"`
	// Status is HAProxy's, for example UP; Check is the result of its last check, for example L7OK.
	Status string `json:"status"`
	Check  string `json:"check"`
	// InFlight is the number of requests in flight.
	InFlight int `json:"in_flight"`
}
