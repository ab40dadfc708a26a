package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/docker/cli/cli"
	"github.com/spf13/pflag"

	"github.com/docker-bluegreen/docker-bluegreen/compose"
	"github.com/docker-bluegreen/docker-bluegreen/swarm/cluster"
)

// Exit codes that only the command line has; all others are those of cluster.ExitCode.
const (
	exitChanges  = 2
	exitBadFlags = 125
)

// exitCodes says what each exit code means, for help and reference.
var exitCodes = []struct {
	Code    int
	Meaning string
}{
	{cluster.ExitDone, "done"},
	{cluster.ExitError, "an error; stderr has the message"},
	{exitChanges, "--dry-run --detailed-exitcode: there are changes"},
	{cluster.ExitUnhealthy, "the new release failed; the message says where traffic is"},
	{cluster.ExitUnconfirmed, "not all proxies confirmed the route, or status --live or doctor --live found drift"},
	{exitBadFlags, "an unknown flag, or a wrong value of a flag or of PERCENT"},
	{cluster.ExitInterrupted, "interrupted by Ctrl-C or SIGTERM"},
}

// driftError says that proxies do not do what is written down.
type driftError struct {
	stack       string
	differences int
}

func (e *driftError) Error() string {
	return fmt.Sprintf("drift: %s between the labels of stack %s and its proxies\n"+
		"run the last up, flip or rollback again to correct this", cluster.Count(e.differences, "difference"), e.stack)
}

// exitCode returns the exit code for what a command returned.
func exitCode(err error) int {
	var (
		drift *driftError
		found *foundError
	)
	switch {
	case errors.Is(err, changesError{}):
		return exitChanges
	case errors.As(err, &drift):
		return cluster.ExitUnconfirmed
	case errors.As(err, &found):
		return found.code()
	case isFlagError(err):
		return exitBadFlags
	}
	return cluster.ExitCode(err)
}

// isFlagError tells errors of flag parsing. Cobra gives those of the flags before a
// subcommand's name as they are, and all others to the docker CLI, which wraps them.
func isFlagError(err error) bool {
	var status cli.StatusError
	return errors.As(err, &status) && status.StatusCode == exitBadFlags || isBareFlagError(err)
}

func isBareFlagError(err error) bool {
	var (
		notExist *pflag.NotExistError
		required *pflag.ValueRequiredError
		invalid  *pflag.InvalidValueError
		syntax   *pflag.InvalidSyntaxError
	)
	return errors.As(err, &notExist) || errors.As(err, &required) || errors.As(err, &invalid) || errors.As(err, &syntax)
}

// interrupted is what a command says that was asked to stop before it did anything.
const interrupted = "interrupted"

// reportError prints the error that ends the command.
func (a *app) reportError(err error) {
	if errors.Is(err, changesError{}) {
		return // the plan was shown
	}
	defer a.summarizeError(err)
	text := errorText(err)
	if a.common.progress == progressJSON {
		newJSONProgress(a.Err(), a.now).fail(text, exitCode(err))
		return
	}
	if wrong, ok := err.(*compose.FileError); ok && a.Err().IsTerminal() {
		_, width := (&screen{size: a.Err().GetTtySize}).dimensions()
		text = chooseLook(a.getenv).mistakes(wrong, width)
	}
	fmt.Fprintln(a.Err(), text)
	a.annotateError(err, text)
}

// errorText is what a person is told of an error.
func errorText(err error) string {
	text := printable(err.Error())
	switch {
	case err == context.Canceled: //nolint:errorlint // a wrapped one says more than this
		text = interrupted
	case isBareFlagError(err):
		text += "\n\nRun 'docker bluegreen --help' for more information"
	}
	return text
}
