package compose

import (
	"errors"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	stacktemplate "github.com/docker/cli/cli/compose/template"
)

// substitute replaces variables as docker compose does, so that ${A:-${B:-c}} is nested and $A-x is
// the value of A and "-x"; but in a default a dollar sign stands for itself unless a brace follows
// it, as for docker stack deploy: the hash of a password may be a default. What compose refuses but
// docker stack deploy takes is read as there.
func substitute(text string, lookup func(string) (string, bool)) (string, error) {
	out, err := template.Substitute(keepDollars(text), template.Mapping(lookup))
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

// beginsDefault matches a variable with a default up to where the default begins.
var beginsDefault = lazy(`^\$\{[_a-zA-Z][_a-zA-Z0-9]*:?-`)

// keepDollars doubles the dollar signs of defaults that begin no ${…}, so that compose-go leaves
// one of the two.
func keepDollars(text string) string {
	var out strings.Builder
	for text != "" {
		begin := beginsDefault().FindString(text)
		end := closingBrace(text)
		switch {
		case begin != "" && end > 0:
			out.WriteString(begin + doubled(text[len(begin):end]))
			text = text[end:]
		case strings.HasPrefix(text, "$$"):
			out.WriteString(text[:2])
			text = text[2:]
		default:
			out.WriteByte(text[0])
			text = text[1:]
		}
	}
	return out.String()
}

// doubled is a default with its dollar signs doubled; what stands in braces in it may have a
// default of its own.
func doubled(text string) string {
	var out strings.Builder
	for text != "" {
		end := 0
		if strings.HasPrefix(text, "${") {
			end = closingBrace(text)
		}
		switch {
		case end > 0:
			out.WriteString(keepDollars(text[:end]))
			text = text[end:]
		case text[0] == '$':
			out.WriteString("$$")
			text = text[1:]
		default:
			out.WriteByte(text[0])
			text = text[1:]
		}
	}
	return out.String()
}

// closingBrace is where the brace that a text begins with, after a dollar sign, is closed: 0 if it
// is not. Braces are counted as compose-go counts them.
func closingBrace(text string) int {
	open := 0
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return i
			}
		}
	}
	return 0
}

func isInvalid(err error) bool {
	var invalid *template.InvalidTemplateError
	return errors.As(err, &invalid)
}

// substituteTemplate is substitute in the type that compose-go wants.
func substituteTemplate(text string, lookup template.Mapping) (string, error) {
	return substitute(text, lookup)
}
