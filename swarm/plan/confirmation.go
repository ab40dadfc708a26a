package plan

import (
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// ConfirmationError says that an up would do what must be asked for first. Nothing was changed.
type ConfirmationError struct {
	// Services are the blue-green services that would be given back, sorted.
	Services []string
	// Plan is the part of the plan that is about them.
	Plan Plan
}

// Why says what is asked for.
func (e *ConfirmationError) Why() string {
	who, have := "service "+e.Services[0], "runs blue-green and has no x-bluegreen in the file"
	if len(e.Services) > 1 {
		who, have = "services "+cluster.Sentence(e.Services), "run blue-green and have no x-bluegreen in the file"
	}
	return who + " " + have + ": giving back removes the proxies and both colors, so a rollback is no longer possible"
}

func (e *ConfirmationError) Error() string {
	return e.Why() + ". Nothing was changed. Put x-bluegreen back, or run the command with --yes"
}
