package cluster

import "context"

// Tested is a release that a job tests.
type Tested struct {
	Job     string `json:"job"`
	Color   Color  `json:"color"`
	Release int    `json:"release"`
	// Serves says that the release has the traffic.
	Serves bool `json:"serves,omitempty"`
}

// Opener lets other commands come in between while this one only waits for tests of releases, by
// service. shut ends that; nothing is written before. The error of shut says that another command
// has come in.
type Opener func(ctx context.Context, tests map[string]Tested) (shut func(context.Context) error, err error)
