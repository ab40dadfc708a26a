package compose

import (
	"errors"
	"strings"

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

// splitWords cuts a string into words by the rules of the google/shlex package, which docker stack
// deploy uses: no expansion of any kind, so that ; & | < > ( and backticks are characters like
// others; # begins a comment where a word could begin.
func splitWords(text string) ([]string, error) {
	s := splitter{words: []string{}}
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		s.take(runes[i])
	}
	switch s.state {
	case inSingle, inDouble, escapedInDouble:
		return nil, errors.New("a quote is opened but not closed")
	case escaped:
		return nil, errors.New(`the backslash at the end escapes nothing`)
	case inWord:
		s.end()
	}
	return s.words, nil
}

type splitState int

const (
	between splitState = iota
	inWord
	inSingle
	inDouble
	escaped
	escapedInDouble
	inComment
)

type splitter struct {
	state splitState
	word  strings.Builder
	words []string
}

func (s *splitter) take(r rune) {
	switch s.state {
	case inComment:
		if r == '\n' {
			s.state = between
		}
	case inSingle:
		s.quoted(r, '\'')
	case inDouble:
		s.quoted(r, '"')
	case escaped:
		s.word.WriteRune(r)
		s.state = inWord
	case escapedInDouble:
		s.word.WriteRune(r)
		s.state = inDouble
	default:
		s.plain(r)
	}
}

// plain takes a rune outside of quotes.
func (s *splitter) plain(r rune) {
	switch {
	case strings.ContainsRune(" \t\r\n", r):
		if s.state == inWord {
			s.end()
		}
	case r == '"':
		s.state = inDouble
	case r == '\'':
		s.state = inSingle
	case r == '\\':
		s.state = escaped
	case r == '#' && s.state == between:
		s.state = inComment
	default:
		s.word.WriteRune(r)
		s.state = inWord
	}
}

// quoted takes a rune inside of quotes.
func (s *splitter) quoted(r, quote rune) {
	switch {
	case r == quote:
		s.state = inWord
	case r == '\\' && quote == '"':
		s.state = escapedInDouble
	default:
		s.word.WriteRune(r)
	}
}

func (s *splitter) end() {
	s.words = append(s.words, s.word.String())
	s.word.Reset()
	s.state = between
}
