package engine

import (
	"errors"
	"slices"
	"strings"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"
)

// ErrNotManager is returned when the engine is not a manager of a swarm.
var ErrNotManager = errors.New("this node is not a swarm manager: run `docker swarm init`, or name a manager with --context or DOCKER_HOST")

// OutOfSequence says whether a write was refused because the object was written since it was read.
func OutOfSequence(err error) bool { return strings.Contains(err.Error(), "update out of sequence") }

// ManagerError turns the engine's "not a swarm manager" into an error with the way out.
func ManagerError(err error) error {
	if notManager(err) {
		return ErrNotManager
	}
	return err
}

func notManager(err error) bool { return strings.Contains(err.Error(), "not a swarm manager") }

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

// broken are connections that broke; asleep are managers without a leader, or that do not reach
// theirs; lasting are errors that no other try will change.
var (
	broken     = words{"EOF", "connection reset", "broken pipe", "closed network connection", "server closed idle connection", "i/o timeout", "did not answer within"}
	asleep     = slices.Concat(words{"code = Unavailable"}, leaderless, unsure)
	leaderless = words{"have a leader", "no elected leader", "no elected cluster leader", "lost leader"}
	lasting    = words{"message is too large", "is encrypted and needs to be unlocked", "not part of a swarm"}
)

// Leaderless says whether an error is that of a manager whose swarm has no leader.
func Leaderless(err error) bool { return leaderless.in(err.Error()) }

// words are parts of what errors say.
type words []string

func (ws words) in(text string) bool {
	return slices.ContainsFunc(ws, func(w string) bool { return strings.Contains(text, w) })
}

// Passing says whether an error may be gone at the next try: a connection broke, a manager did not
// answer, or it has no leader.
func Passing(err error) bool {
	text := err.Error()
	switch {
	case OutOfSequence(err), OnlyLabels(err), InUse(err), Taken(err), NotFound(err), lasting.in(text):
		return false
	case cerrdefs.IsInternal(err), cerrdefs.IsUnavailable(err):
		return true
	}
	return broken.in(text) || asleep.in(text)
}

// lostAnswer says whether a request may have been carried out although it failed.
func lostAnswer(err error) bool {
	text := err.Error()
	return !Unreachable(err) && (broken.in(text) || unsure.in(text))
}

// unsure are errors of a manager that gave up waiting for the others to agree.
var unsure = words{"code = DeadlineExceeded", "code = Aborted", "lost leader", "context deadline exceeded", "transport is closing"}

// Unreachable says whether nobody was there to take a request: nothing of it was carried out.
func Unreachable(err error) bool {
	return client.IsErrConnectionFailed(err) && !broken.in(err.Error())
}
