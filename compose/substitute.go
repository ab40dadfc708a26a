package compose

import (
	"errors"

	"github.com/compose-spec/compose-go/v2/template"
	stacktemplate "github.com/docker/cli/cli/compose/template"
)

// substitute replaces variables as docker compose does, so that ${A:-${B:-c}} is nested and $A-x is the value
// of A and "-x". What compose refuses but docker stack deploy takes, such as ${N:-$2y$05$x}, is read as there.
func substitute(text string, lookup func(string) (string, bool)) (string, error) {
	out, err := template.Substitute(text, template.Mapping(lookup))
	if !isInvalid(err) {
		return out, err
	}
	out, err = stacktemplate.Substitute(text, stacktemplate.Mapping(lookup))
	if err != nil {
		// The text itself is left out: it may be a password.
		return "", errors.New("a $ in it begins no variable: write $$ for a dollar sign and ${NAME} for a variable")
	}
	return out, nil
}

func isInvalid(err error) bool {
	var invalid *template.InvalidTemplateError
	return errors.As(err, &invalid)
}

// substituteTemplate is substitute in the type that compose-go wants.
func substituteTemplate(text string, lookup template.Mapping) (string, error) {
	return substitute(text, lookup)
}
