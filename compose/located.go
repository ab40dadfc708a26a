package compose

import (
	"errors"
	"regexp"
	"strings"

	"github.com/docker-bluegreen/docker-bluegreen/compose/bluegreen"
	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// located makes err name the file, in the way in which the user named it, the line and the column,
// and say in our words what compose-go says in its own. It is a *FileError.
func (s *sources) located(err error) error {
	if err == nil || errors.As(err, new(*FileError)) {
		return err
	}
	problems := s.problems(err)
	if problems[0].File == "" {
		problems[0].File = s.names
	}
	return &FileError{Problems: problems, err: err}
}

// reworded says in our words what compose-go says in its own.
func (s *sources) reworded(text string) string {
	for _, file := range s.files {
		for _, prefix := range []string{"validating ", "failed to parse "} {
			text = strings.ReplaceAll(text, prefix+file.Filename+": ", "")
		}
	}
	return unknownKey().ReplaceAllStringFunc(inOurWords(text), func(found string) string {
		if key := unknownKey().FindStringSubmatch(found)[1]; isNear(key) {
			return ": unknown key " + key + tree.DidYouMean(bluegreen.Key, []string{bluegreen.Key})
		}
		return found
	})
}

var unknownKey = lazy(`(?m): unknown key (\S+?)(?:: did you mean .*)?$`)

// allMistakes adds to an error of loading what else is wrong with the files: compose-go stops at
// the first key that it does not know.
func (s *sources) allMistakes(err error, stack string) error {
	errs := s.unknownKeys()
	if len(errs) == 0 || !unknownKey().MatchString(s.reworded(err.Error())) {
		errs = append(errs, err)
	}
	if contents := s.contents(stack); len(contents) == 1 && len(s.files) == 1 { // settings of several are merged first
		errs = append(errs, settingErrors(contents[0]))
	}
	return errors.Join(errs...)
}

func inOurWords(text string) string {
	for _, r := range rewordings {
		text = r.pattern().ReplaceAllString(text, r.text)
	}
	return text
}

// rewordings are for messages that say how something was found instead of what is wrong.
var rewordings = []struct {
	pattern func() *regexp.Regexp
	text    string
}{
	{lazy(`error while interpolating (\S+): `), "$1: "},
	{lazy(`failed to cast to expected type: `), ""},
	{lazy(`strconv\.(?:Atoi|ParseInt|ParseUint): parsing (".*"): .*`), "$1 is not a whole number"},
	{lazy(`strconv\.ParseFloat: parsing (".*"): .*`), "$1 is not a number"},
	{lazy(`(?m)^(\S+)\.(\S+) false schema$`), "$1: unknown key $2"},
	{lazy(`(?m)^ *additional properties '([^']+)' not allowed$`), "top of the file: unknown key $1"},
	{lazy(`(?m)^(\S+) additional properties '([^']+)'.* not allowed$`), "$1: unknown key $2"},
	{lazy(`found character that cannot start any token`), "a value cannot begin like this: indent with blanks, not with tabs, and put @ and ` in quotes"},
	{lazy(`(?m)^(\S+) must be a (integer|array|object)`), "$1 must be an $2"},
	{lazy(`(?m)^service ports (\S+)\.\[(\d+)\] is missing a target port$`), "$1[$2]: target is missing: give the port inside the container"},
	{lazy(`(?m)^(\S+)\.\[(\d+)\]: unexpected type map\[.*$`), "$1[$2]: it is a mapping, where NAME=VALUE must stand: write NAME=VALUE, or take the dash off"},
	{lazy(`(?m)^(\S+)\.\[(\d+)\]: unexpected type .+$`), "$1[$2]: it is not text: put it in quotes"},
}
