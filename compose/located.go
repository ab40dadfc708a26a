package compose

import (
	"errors"
	"regexp"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
)

// located makes err name the file, in the way in which the user named it, the line and the column,
// and say in our words what compose-go says in its own.
func (s *sources) located(err error) error {
	if errors.As(err, new(placedError)) {
		return err
	}
	text := err.Error()
	for _, file := range s.files {
		for _, prefix := range []string{"validating ", "failed to parse "} {
			text = strings.ReplaceAll(text, prefix+file.Filename+": ", "")
		}
	}
	for _, r := range rewordings {
		text = r.pattern.ReplaceAllString(text, r.text)
	}
	return locatedError{text: s.placed(suggest(text)), err: err}
}

var unknownKey = regexp.MustCompile(`(?m): unknown key (\S+)$`)

// suggest names x-bluegreen where a key that compose does not know was probably meant to be it.
func suggest(text string) string {
	return unknownKey.ReplaceAllStringFunc(text, func(found string) string {
		if isNear(unknownKey.FindStringSubmatch(found)[1]) {
			return found + ": did you mean " + bluegreen.Key + "?"
		}
		return found
	})
}

// rewordings are for messages that say how something was found instead of what is wrong.
var rewordings = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`error while interpolating (\S+): `), "$1: "},
	{regexp.MustCompile(`failed to cast to expected type: `), ""},
	{regexp.MustCompile(`strconv\.(?:Atoi|ParseInt|ParseUint): parsing (".*"): .*`), "$1 is not a whole number"},
	{regexp.MustCompile(`strconv\.ParseFloat: parsing (".*"): .*`), "$1 is not a number"},
	{regexp.MustCompile(`(?m)^(\S+)\.(\S+) false schema$`), "$1: unknown key $2"},
	{regexp.MustCompile(`(?m)^ *additional properties '([^']+)' not allowed$`), "top of the file: unknown key $1"},
	{regexp.MustCompile(`found character that cannot start any token`), "a value cannot begin like this: indent with blanks, not with tabs, and put @ and ` in quotes"},
	{regexp.MustCompile(`(?m)^(\S+) must be a (integer|array|object)`), "$1 must be an $2"},
	{regexp.MustCompile(`(?m)^(\S+)\.\[(\d+)\]: unexpected type map\[.*$`), "$1[$2]: it is a mapping, where NAME=VALUE must stand: write NAME=VALUE, or take the dash off"},
	{regexp.MustCompile(`(?m)^(\S+)\.\[(\d+)\]: unexpected type .+$`), "$1[$2]: it is not text: put it in quotes"},
}

// locatedError says err in other words.
type locatedError struct {
	text string
	err  error
}

func (e locatedError) Error() string { return e.text }

func (e locatedError) Unwrap() error { return e.err }
