package plugin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/docker/cli/cli"
	"github.com/spf13/pflag"

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

// reportError prints the error that ends the command.
func (a *app) reportError(err error) {
	if errors.Is(err, changesError{}) {
		return // the plan was shown
	}
	text := printable(err.Error())
	switch {
	case err == context.Canceled: //nolint:errorlint // a wrapped one says more than this
		text = "interrupted"
	case isBareFlagError(err):
		text += "\n\nRun 'docker bluegreen --help' for more information"
	}
	if a.common.progress == progressJSON {
		newJSONProgress(a.Err(), a.now).fail(text, exitCode(err))
		return
	}
	fmt.Fprintln(a.Err(), text)
}

// printable keeps what is safe to print on a terminal: texts may quote what containers wrote.
func printable(s string) string {
	lines := strings.Split(strings.ToValidUTF8(s, "\uFFFD"), "\n")
	for i := range lines {
		lines[i] = ansi.Strip(lines[i]) // each alone: a sequence without an end reaches to the end of the text
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.Join(lines, "\n"))
}
