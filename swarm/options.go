package swarm

import (
	"time"
)

// DownOptions are the wishes of one down.
type DownOptions struct {
	// LockTimeout is the longest wait for another command on the same stack.
	LockTimeout time.Duration
}
