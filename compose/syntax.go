package compose

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// parse reads the first document of a file: nil where there is none, or where it is no YAML, and
// then what is wrong.
func (s *source) parse(content []byte) error {
	for _, line := range linesOf(string(content)) {
		s.lines = append(s.lines, lineBreak().ReplaceAllString(line, ""))
	}
	var document yaml.Node
	err := yaml.Unmarshal(content, &document)
	if err == nil && len(document.Content) > 0 {
		s.root = document.Content[0]
	}
	if err != nil {
		return s.syntaxError(err)
	}
	return nil
}

// syntaxError says where a file is no YAML, if the parser knows.
func (s *source) syntaxError(err error) error {
	mark, ok := markOf(err)
	if !ok {
		return err
	}
	p := Problem{File: s.name, Line: mark.line, Column: mark.column, Text: "it is not YAML here: " + inOurWords(mark.message)}
	if mark.context != "" {
		p.Text += fmt.Sprintf(", %s that begins in line %d", mark.context, mark.contextLine)
	}
	p.Source, p.From, p.To = s.keyOf(p.Line, p.Column)
	return placedError{p}
}

// yamlMark is where a parser stopped, counted from 1.
type yamlMark struct {
	line, column, contextLine int
	message, context          string
}

// markOf reads the errors of the parser, whose types have no name outside of it. Those of its
// scanner count lines from 1, its own from 0; columns count from 0, but for unknown anchors.
func markOf(err error) (mark yamlMark, ok bool) {
	v := reflect.ValueOf(err)
	isAnchor := v.Kind() == reflect.Pointer
	if isAnchor {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || !v.FieldByName("ContextMark").IsValid() {
		if next := errors.Unwrap(err); next != nil {
			return markOf(next)
		}
		return yamlMark{}, false
	}
	at, context := v.FieldByName("Mark"), v.FieldByName("ContextMark")
	mark = yamlMark{
		line: int(at.FieldByName("Line").Int()), column: int(at.FieldByName("Column").Int()), contextLine: int(context.FieldByName("Line").Int()),
		message: v.FieldByName("Message").String(), context: v.FieldByName("ContextMessage").String(),
	}
	if v.Type().Name() == "ParserError" && !isAnchor {
		mark.line, mark.contextLine = mark.line+1, mark.contextLine+1
	}
	if !isAnchor {
		mark.column++
	}
	if !strings.HasPrefix(mark.context, "while parsing a ") {
		mark.context = "" // it says nothing that the place does not
	}
	return mark, true
}

// beginsKey is the part of a line that is no value.
var beginsKey = lazy(`^[\s-]*(?:[\w.-]+:(?:\s|$)\s*)?`)

// keyOf is a line of a file that is no YAML, with all hidden behind its first key: nobody knows
// what is a value there.
func (s *source) keyOf(line, column int) (text string, from, to int) {
	if line < 1 || line > len(s.lines) {
		return "", 0, 0
	}
	whole := strings.TrimRight(s.lines[line-1], " ")
	head := beginsKey().FindString(whole)
	from = min(bytesOf(whole, column-1), len(head))
	if head != whole {
		return head + hidden, from, min(from+1, len(head)+1)
	}
	return strings.TrimRight(head, " "), min(from, max(len(head)-1, 0)), min(from+1, len(strings.TrimRight(head, " ")))
}
