package swarm

import (
	"time"
)

// FlipOptions are the wishes of one flip or rollback.
type FlipOptions struct {
	// Services limits the command to these services; empty means all blue-green services of the stack.
	Services []string
	// To is "blue", "green" or empty for the color that is idle now.
	To string
	// LockTimeout is the longest wait for another command on the same stack.
	LockTimeout time.Duration
}

// DownOptions are the wishes of one down.
type DownOptions struct {
	// LockTimeout is the longest wait for another command on the same stack.
	LockTimeout time.Duration
}
