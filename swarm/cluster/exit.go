package cluster

import (
	"context"
	"errors"
)

// Exit codes of commands, as far as they follow from what happened to the stack.
const (
	ExitDone        = 0
	ExitError       = 1
	ExitUnhealthy   = 3
	ExitUnconfirmed = 4
	ExitInterrupted = 130
)

// ExitCode is the exit code for what a command returned. An interruption wins over its
// consequences, and a route in doubt over a release that never got traffic.
func ExitCode(err error) int {
	var (
		interrupted *InterruptedError
		unconfirmed *UnconfirmedError
		unhealthy   *UnhealthyError
	)
	switch {
	case err == nil:
		return ExitDone
	case errors.As(err, &interrupted):
		return ExitInterrupted
	case errors.As(err, &unconfirmed):
		return ExitUnconfirmed
	case errors.As(err, &unhealthy):
		return ExitUnhealthy
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	}
	return ExitError
}
