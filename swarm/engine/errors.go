package engine

import (
	"errors"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
)

// ErrNotManager is returned when the engine is not a manager of a swarm.
var ErrNotManager = errors.New("this node is not a swarm manager: run `docker swarm init`, or name a manager with --context or DOCKER_HOST")

// OutOfSequence says whether a write was refused because the object was written since it was read.
func OutOfSequence(err error) bool { return strings.Contains(err.Error(), "update out of sequence") }

// ManagerError turns the engine's "not a swarm manager" into an error with the way out.
func ManagerError(err error) error {
	if strings.Contains(err.Error(), "not a swarm manager") {
		return ErrNotManager
	}
	return err
}

// NotFound says whether the engine has no such object.
func NotFound(err error) bool { return cerrdefs.IsNotFound(err) }

// Taken says whether an object was not made because another has its name.
func Taken(err error) bool {
	return cerrdefs.IsConflict(err) || strings.Contains(err.Error(), "already exists") || strings.Contains(err.Error(), "name conflicts")
}

// InUse says whether an object was not removed because a service or a task uses it.
func InUse(err error) bool { return strings.Contains(err.Error(), "is in use by") }

// OnlyLabels says whether a secret or config was not written because it would be another.
func OnlyLabels(err error) bool {
	return strings.Contains(err.Error(), "only updates to Labels are allowed")
}
