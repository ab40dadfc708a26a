package compose

import (
	"errors"
	"strings"

	"github.com/google/shlex"

	"github.com/docker-bluegreen/docker-bluegreen/compose/tree"
)

// command reads a command or entrypoint: a list as it is, a string cut into words as docker does
// it. It is nil when there is none.
func command(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return splitWords(v)
	case []any:
		words := make([]string, len(v))
		for i, item := range v {
			words[i] = tree.Scalar(item)
		}
		return words, nil
	default:
		return nil, nil
	}
}

// splitWords cuts a string into words as docker stack deploy does: no expansion of any kind, so
// that ; & | < > ( and backticks are characters like others; # begins a comment where a word could
// begin.
func splitWords(text string) ([]string, error) {
	words, err := shlex.Split(text)
	switch {
	case err == nil:
		return words, nil
	case strings.Contains(err.Error(), "quote"):
		return nil, errors.New("a quote is opened but not closed")
	default:
		return nil, errors.New("the backslash at the end escapes nothing")
	}
}
